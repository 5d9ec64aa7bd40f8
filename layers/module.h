#pragma once
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "autograd/checkpoint.h"
#include "autograd/graph.h"
#include "tensor/named_tensor.h"
#include "tensor/random.h"

namespace pixelgrad {

/// Something that owns parameters. A module is built in place inside its parent by add() and never
/// moves, so references to children stay good; parameters exist only through param(), so none can
/// be forgotten by an optimizer or a checkpoint.
class Module {
 public:
  virtual ~Module() = default;
  Module(Module&&) = delete;
  Module& operator=(Module&&) = delete;

  /// Trainable tensors of this module and all below it, in the order of construction.
  std::vector<NamedTensor> parameters() const;
  /// Tensors that are state but not trained: running statistics, counters.
  std::vector<NamedTensor> buffers() const;
  /// Both, for checkpoints.
  std::vector<NamedTensor> state() const;
  /// Number of trainable values.
  int64_t parameter_count() const;

  /// The gradients of parameters(), in the same order, for Optimizer::step; undefined where the
  /// last backward() did not come by.
  std::vector<Tensor> gradients() const;
  /// Forgets them. Without it the next backward() adds to them (gradient accumulation).
  void clear_gradients();

  /// Training mode (batch statistics, dropout) on or off, here and below.
  void train(bool on = true);
  void eval() { train(false); }
  bool training() const { return training_; }

  /// On: the stages that this module and those below pass through checkpointed() keep nothing but
  /// their inputs for the backward, which runs them once more. Less memory, more time, the same
  /// bits.
  void checkpoint_activations(bool on = true);

  /// Converts parameters and floating buffers in place; handles that others hold follow. Gradients
  /// are forgotten. Integer counters stay on the CPU, where they are read.
  void to(Dtype dtype);
  void to(Device device);
  /// Where the parameters are, as to() put them; cpu at first.
  Device device() const;

  /// The dotted path from the root, "" for the root itself.
  std::string path() const;

  /// What it is, for a summary: "Conv2d(3 -> 64, kernel 3, padding 1)". Empty for mere containers.
  virtual std::string describe() const { return ""; }

  /// Calls visit(path, module) for this module and all below it, parents first.
  void visit(const std::function<void(const std::string& path, const Module& module)>& visit) const;

 protected:
  Module();

  /// Constructs a child of type M in place and returns it. The second form allows braces:
  /// add<Conv2d>("conv", {.in_channels = 3, .out_channels = 16}). A name may hold dots, to give the
  /// parameters the paths of an existing naming scheme without modules that only nest; what is
  /// below a child without a name, "", is called as if it stood in the parent itself.
  template <class M, class... Args>
  M& add(std::string name, Args&&... args) {
    const Construction here(*this, name);
    return adopt<M>(std::move(name), std::make_unique<M>(std::forward<Args>(args)...));
  }
  template <class M>
  M& add(std::string name, typename M::Options options) {
    const Construction here(*this, name);
    return adopt<M>(std::move(name), std::make_unique<M>(std::move(options)));
  }
  /// Takes a child that was chosen at run time.
  template <class M>
  M& add(std::string name, std::unique_ptr<M> child) {
    return adopt<M>(std::move(name), std::move(child));
  }

  /// Registers a trainable tensor; the returned handle stays valid for the module's life.
  Tensor param(std::string name, Tensor value);
  /// Registers state that is not trained.
  Tensor buffer(std::string name, Tensor value);

  /// stage(inputs...), by checkpoint() where checkpoint_activations is on; else no more than the
  /// call. The stage takes Tensors by value and returns one. Whenever it runs, it sees the
  /// StepScope and the training modes of now. What it captures, this module first of all, must live
  /// until the backward.
  ///
  ///     x = checkpointed([this](Tensor x) { return second_(first_(x)); }, std::move(x));
  template <class Stage, class... Inputs>
  Tensor checkpointed(const Stage& stage, Inputs... inputs) {
    if (!checkpoint_activations_) return stage(std::move(inputs)...);
    std::vector<Tensor> list;
    (list.push_back(std::move(inputs)), ...);
    return run_checkpointed(
        [stage](std::vector<Tensor> in) {
          return [&]<size_t... I>(std::index_sequence<I...>) { return stage(std::move(in[I])...); }
          (std::index_sequence_for<Inputs...>());
        },
        std::move(list));
  }

 private:
  /// Names the parent of the module that is constructed next on this thread.
  struct Construction {
    Construction(const Module& parent, const std::string& name);
    ~Construction();
    const Module* parent;
    const std::string* name;
    Construction* outer;
  };
  static thread_local Construction* under_construction;

  template <class M>
  M& adopt(std::string name, std::unique_ptr<M> child) {
    M& ref = *child;
    take(std::move(name), std::move(child));
    return ref;
  }
  void take(std::string name, std::unique_ptr<Module> child);
  void check_name(const std::string& name) const;
  Tensor run_checkpointed(std::function<Tensor(std::vector<Tensor>)> stage,
                          std::vector<Tensor> inputs);
  /// Swaps the training modes of this module and all below with those in the list, in the order of
  /// construction.
  void swap_modes(std::vector<char>::iterator& mode);
  class ModeScope;
  template <class Visit>
  void walk(const std::string& prefix, const Visit& visit) const;

  const Module* parent_ = nullptr;
  std::string name_;
  std::vector<NamedTensor> params_, buffers_;
  std::vector<std::pair<std::string, std::unique_ptr<Module>>> children_;
  bool training_ = true;
  bool checkpoint_activations_ = false;
};

}  // namespace pixelgrad
