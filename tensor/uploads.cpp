#include "tensor/uploads.h"

#include <array>
#include <vector>
#ifdef PIXELGRAD_CUDA
#include "tensor/cuda/upload_slot.h"
#endif

namespace pixelgrad {

#ifdef PIXELGRAD_CUDA
/// Two steps take turns; the tensors of one have a slot each, in their order.
struct Uploads::Slots {
  using Step = std::vector<std::unique_ptr<cuda::UploadSlot>>;
  std::array<Step, 2> steps;
  size_t step = 0, used = 0;

  Tensor fill_next(const Tensor& host) {
    Step& slots = steps[step];
    if (used == slots.size()) slots.push_back(std::make_unique<cuda::UploadSlot>());
    return slots[used++]->fill(host);
  }
  void end_step() {
    for (size_t i = 0; i < used; ++i) steps[step][i]->release();
    step = (step + 1) % steps.size();
    used = 0;
  }
};
#else
struct Uploads::Slots {
  Tensor fill_next(const Tensor& host) { return host; }
  void end_step() {}
};
#endif

Uploads::Uploads(Device device) {
  if (device == Device::cpu) return;
  check(has_cuda, "[upload] this build has no ", device, " backend");
  slots_ = std::make_unique<Slots>();
}
Uploads::~Uploads() = default;

Tensor Uploads::upload(const Tensor& host) {
  check(host.device() == Device::cpu, "[upload] the tensor lies on ", host.device(),
        ", expected one on the CPU");
  return slots_ ? slots_->fill_next(host) : host;
}

void Uploads::end_step() {
  if (slots_) slots_->end_step();
}

}  // namespace pixelgrad
