// Speed of the convolutions of the networks at 256x256, f32, in all three directions.
//
//   build/release/bench/bench_conv                        all, some three minutes
//   build/release/bench/bench_conv --filter '3x3 64->64'  some of them
//   build/release/bench/bench_conv --threads 1            on one thread, in CPU time
//   build/cuda/bench/bench_conv --device cuda --precision bf16
//
// bench/README.md says what the figures mean.
#include <algorithm>
#include <vector>

#include "bench/conv_shapes.h"
#include "bench/program.h"
#include "bench/roofline.h"
#include "tensor/dispatch.h"
#include "tensor/random.h"
#include "tensor/tensor.h"

namespace pixelgrad::bench {
namespace {

constexpr std::pair<Direction, const char*> directions[] = {
    {Direction::forward, "forward"},
    {Direction::input_gradient, "input gradient"},
    {Direction::weight_gradient, "weight gradient"},
};

struct Group {
  const char* name;
  std::vector<ConvShape> shapes;
};

/// Each shape once, under the first network that has it.
std::vector<Group> groups() {
  std::vector<Group> all = {
      {"U-Net, width 64", unet({}, 64)},
      {"U-Net, width 16", unet({.batch = 4, .classes = 2}, 16)},
      {"DeepLabV3, ResNet-50", deeplabv3_resnet50({})},
      {"PSPNet, ResNet-50", pspnet_resnet50({})},
      {"DeepLabV3+, ResNet-50", deeplabv3plus_resnet50({})},
  };
  std::vector<ConvShape> seen;
  for (Group& group : all)
    std::erase_if(group.shapes, [&](const ConvShape& shape) {
      if (std::find(seen.begin(), seen.end(), shape) != seen.end()) return true;
      seen.push_back(shape);
      return false;
    });
  return all;
}

/// Room for the largest tensors of all calls. Results go to a buffer of their own, so that what is
/// multiplied stays normally distributed.
class Buffers {
 public:
  explicit Buffers(Device device) : device_(device) {}

  void make_room(const kernels::Conv2dGeometry& g) {
    x_size_ = std::max(x_size_, g.n * g.in_h * g.in_w * g.in_channels);
    y_size_ = std::max(y_size_, g.n * g.out_h * g.out_w * g.out_channels);
    w_size_ =
        std::max(w_size_, g.out_channels * g.kernel_h * g.kernel_w * g.in_channels / g.groups);
  }
  void fill() {
    x_ = normal(x_size_, 1);
    y_ = normal(y_size_, 2);
    w_ = normal(w_size_, 3);
    result_ = Tensor::zeros({std::max({x_size_, y_size_, w_size_})}, Dtype::f32, device_);
  }
  void call(const ConvCall& c) {
    const float *x = x_.data<float>(), *y = y_.data<float>(), *w = w_.data<float>();
    float* result = result_.mutable_data<float>();
    dispatch_device(device_, [&]<Device D>() {
      switch (c.direction) {
        case Direction::forward:
          return kernels::conv2d_forward<D, float>(c.geometry, x, w, nullptr, result);
        case Direction::input_gradient:
          return kernels::conv2d_backward_input<D, float>(c.geometry, y, w, nullptr, result);
        case Direction::weight_gradient:
          return kernels::conv2d_backward_weight<D, float>(c.geometry, x, y, result);
      }
    });
  }

 private:
  Tensor normal(int64_t size, uint64_t seed) const {
    Tensor x = Tensor::empty({size}, Dtype::f32);
    fill_normal(x, {.seed = seed}, 0, 1);
    return x.to(device_);
  }

  const Device device_;
  int64_t x_size_ = 0, y_size_ = 0, w_size_ = 0;
  Tensor x_, y_, w_, result_;
};

int run(const RooflineOptions& options) {
  Roofline roofline("bench_conv", options);
  struct Case {
    CallName name;
    ConvCall call;
  };
  std::vector<Case> cases;
  Buffers buffers(options.device);
  for (const Group& group : groups())
    for (const ConvShape& shape : group.shapes)
      for (const auto& [direction, name] : directions) {
        Case c{{group.name, to_string(shape), name, ""}, conv_call(shape, direction)};
        if (!roofline.wanted(c.name)) continue;
        buffers.make_room(c.call.geometry);
        cases.push_back(std::move(c));
      }
  buffers.fill();
  for (const Case& c : cases)
    roofline.measure(c.name, least_work(c.call), [&] { buffers.call(c.call); });
  return roofline.finish();
}

int run_main(int argc, char** argv) {
  CLI::App app("Speed of the convolutions of the networks at 256x256.", "bench_conv");
  RooflineOptions options{.loop_peak = true};
  options.add_to(app);
  add_device_options(app, options.device, false);
  return run_program(app, argc, argv, [&] { return run(options); });
}

}  // namespace
}  // namespace pixelgrad::bench

int main(int argc, char** argv) { return pixelgrad::bench::run_main(argc, argv); }
