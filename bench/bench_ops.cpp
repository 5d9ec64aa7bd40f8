// Speed of the kernels that wait for memory, f32, on the tensors of a U-Net of width 64 at batch 2
// and 256x256, with 34 classes.
//
//   build/release/bench/bench_ops                        all, some ten seconds
//   build/release/bench/bench_ops --filter batch_norm    some of them
//
// bench/README.md says what the figures mean; each row names the bytes that count.
#include <numeric>
#include <vector>

#include "bench/program.h"
#include "bench/roofline.h"
#include "models/registry.h"
#include "tensor/kernels/binary.h"
#include "tensor/kernels/copy.h"
#include "tensor/kernels/cross_entropy.h"
#include "tensor/kernels/dropout.h"
#include "tensor/kernels/norm.h"
#include "tensor/kernels/optim.h"
#include "tensor/kernels/pool.h"
#include "tensor/kernels/softmax.h"
#include "tensor/kernels/unary.h"
#include "tensor/kernels/upsample.h"
#include "tensor/random.h"

namespace pixelgrad::bench {
namespace {

constexpr Device cpu = Device::cpu;
constexpr int64_t batch = 2, size = 256, channels = 64, classes = 34;
constexpr int64_t pixels = batch * size * size;

Tensor normal(Shape shape, uint64_t seed) {
  Tensor x = Tensor::empty(std::move(shape), Dtype::f32);
  fill_normal(x, {.seed = seed}, 0, 1);
  return x;
}

/// The rows of one group; a row's bytes are given as what must be read or written of which tensors.
class Rows {
 public:
  Rows(Roofline& roofline, std::string group) : roofline_(roofline), group_(std::move(group)) {}

  void measure(const char* what, const char* direction, const char* traffic, size_t bytes,
               const std::function<void()>& call) {
    const CallName name{group_, what, direction, traffic};
    if (roofline_.wanted(name))
      roofline_.measure(name, {.bytes = static_cast<double>(bytes)}, call);
  }

 private:
  Roofline& roofline_;
  std::string group_;
};

void batch_norm_rows(Rows& rows, const Tensor& x, const Tensor& dy, Tensor& result) {
  const kernels::NormGeometry g{.positions = pixels, .groups = channels};
  constexpr double eps = 1e-5;
  std::vector<double> mean(channels), variance(channels);
  std::vector<float> gamma(channels, 1), beta(channels), dgamma(channels), dbeta(channels);
  std::vector<float> running_mean(channels), running_variance(channels, 1);
  const float *px = x.data<float>(), *pdy = dy.data<float>();
  float* out = result.mutable_data<float>();
  for (const bool relu : {false, true}) {
    const char* name = relu ? "batch_norm + relu (training)" : "batch_norm (training)";
    const kernels::NormArguments<float> in{.g = g,
                                           .x = px,
                                           .mean = mean.data(),
                                           .variance = variance.data(),
                                           .constant_statistics = false,
                                           .eps = eps,
                                           .gamma = gamma.data(),
                                           .beta = beta.data(),
                                           .residual = nullptr,
                                           .relu = relu};
    // Twice, because the sums must be complete before the first result is known.
    rows.measure(name, "forward", "2 x + y", 3 * x.bytes(), [&] {
      kernels::norm_statistics<cpu>(g, px, mean.data(), variance.data());
      kernels::update_running_statistics<cpu>(channels, pixels, mean.data(), variance.data(), 0.1,
                                              running_mean.data(), running_variance.data());
      kernels::norm_apply<cpu>(in, out);
    });
    kernels::norm_statistics<cpu>(g, px, mean.data(), variance.data());
    rows.measure(name, "backward", "2 (x + dy) + dx", 5 * x.bytes(), [&] {
      kernels::norm_backward<cpu>(in, pdy, {out, dgamma.data(), dbeta.data(), nullptr});
    });
  }
}

void pointwise_rows(Rows& rows, const Tensor& x, const Tensor& dy, Tensor& result) {
  const int64_t n = x.numel();
  const float *px = x.data<float>(), *pdy = dy.data<float>();
  float* out = result.mutable_data<float>();
  rows.measure("relu", "forward", "x + y", 2 * x.bytes(),
               [&] { kernels::unary_forward<cpu>(kernels::UnaryOp::relu, {}, n, px, out); });
  rows.measure("relu", "backward", "y + dy + dx", 3 * x.bytes(),
               [&] { kernels::unary_backward<cpu>(kernels::UnaryOp::relu, {}, n, px, pdy, out); });
  const kernels::BroadcastAxes whole = kernels::broadcast_axes(x.shape(), x.shape());
  rows.measure("add", "forward", "a + b + y", 3 * x.bytes(), [&] {
    kernels::binary_forward<cpu, float>(kernels::BinaryOp::add, n, {px, whole}, {pdy, whole}, out);
  });
  rows.measure("dropout (backward is the same)", "forward", "x + y", 2 * x.bytes(), [&] {
    kernels::dropout<cpu>(n, px, 0.5, {.seed = 1, .stream = 2, .step = 3}, out);
  });
}

void resize_rows(Rows& rows, const Tensor& x, const Tensor& dy, Tensor& result) {
  const float *px = x.data<float>(), *pdy = dy.data<float>();
  float* out = result.mutable_data<float>();
  const size_t large = x.bytes(), small = large / 4;

  const kernels::PoolAxis axis{.in = size, .out = size / 2, .kernel = 2, .stride = 2};
  const kernels::Pool2dGeometry pool{.n = batch, .channels = channels, .h = axis, .w = axis};
  std::vector<uint8_t> argmax(small / sizeof(float));
  const auto pool_forward = [&] { kernels::max_pool2d_forward<cpu>(pool, px, out, argmax.data()); };
  pool_forward();
  rows.measure("max_pool2d 2x2", "forward", "x + y + argmax (1 byte)",
               large + small + argmax.size(), pool_forward);
  rows.measure("max_pool2d 2x2", "backward", "dy + argmax (1 byte) + dx",
               large + small + argmax.size(),
               [&] { kernels::max_pool2d_backward<cpu>(pool, pdy, argmax.data(), out); });

  const kernels::UpsampleGeometry up{.n = batch,
                                     .in_h = size / 2,
                                     .in_w = size / 2,
                                     .channels = channels,
                                     .out_h = size,
                                     .out_w = size};
  rows.measure("upsample bilinear x2", "forward", "x + y", small + large,
               [&] { kernels::upsample_bilinear_forward<cpu>(up, true, px, out); });
  rows.measure("upsample bilinear x2", "backward", "dy + dx", large + small,
               [&] { kernels::upsample_bilinear_backward<cpu>(up, true, pdy, out); });
}

void copy_rows(Rows& rows, const Tensor& x, const Tensor& dy) {
  const float *px = x.data<float>(), *pdy = dy.data<float>();
  Tensor joined = normal({pixels, 2 * channels}, 4), part = Tensor::zeros(x.shape(), Dtype::f32);
  float *pj = joined.mutable_data<float>(), *out = part.mutable_data<float>();
  kernels::StridedCopy join;
  join.add(pixels, channels, 2 * channels);
  join.add(channels, 1, 1);
  rows.measure("concat of two", "forward", "a + b + y", 2 * joined.bytes(), [&] {
    kernels::copy_strided<cpu>(join, px, pj);
    kernels::copy_strided<cpu>(join, pdy, pj + channels);
  });
  rows.measure("concat of two", "backward", "dy + da + db", 2 * joined.bytes(), [&] {
    kernels::copy_strided<cpu>(join.reversed(), pj, out);
    kernels::copy_strided<cpu>(join.reversed(), pj + channels, out);
  });

  kernels::StridedCopy to_nchw;
  to_nchw.add(batch, size * size * channels, size * size * channels);
  to_nchw.add(size * size, channels, 1);
  to_nchw.add(channels, 1, size * size);
  rows.measure("permute NHWC to NCHW", "forward", "x + y", 2 * x.bytes(),
               [&] { kernels::copy_strided<cpu>(to_nchw, px, out); });
  rows.measure("permute NCHW to NHWC", "forward", "x + y", 2 * x.bytes(),
               [&] { kernels::copy_strided<cpu>(to_nchw.reversed(), px, out); });
}

void class_rows(Rows& rows) {
  const Tensor logits = normal({pixels, classes}, 5), dy = normal({pixels, classes}, 6);
  Tensor probabilities = Tensor::empty(logits.shape(), Dtype::f32);
  Tensor result = Tensor::empty(logits.shape(), Dtype::f32);
  const float *pl = logits.data<float>(), *pdy = dy.data<float>();
  float *pp = probabilities.mutable_data<float>(), *out = result.mutable_data<float>();
  const auto softmax = [&] { kernels::softmax_forward<cpu>(pixels, classes, pl, pp); };
  softmax();
  rows.measure("softmax", "forward", "x + y", 2 * logits.bytes(), softmax);
  rows.measure("softmax", "backward", "y + dy + dx", 3 * logits.bytes(),
               [&] { kernels::softmax_backward<cpu>(pixels, classes, pp, pdy, out); });

  std::vector<int32_t> labels(pixels);
  Random random({.seed = 7});
  for (int32_t& label : labels) label = static_cast<int32_t>(random.below(classes));
  const kernels::PixelLabels<float> truth{
      .pixels = pixels, .classes = classes, .labels = labels.data()};
  const size_t label_bytes = sizeof(int32_t) * labels.size();
  float loss = 0;
  rows.measure("cross_entropy", "forward", "logits + labels", logits.bytes() + label_bytes,
               [&] { kernels::cross_entropy<cpu, float>(truth, 0, pl, &loss, nullptr); });
  rows.measure("cross_entropy with gradient", "backward", "logits + labels + dlogits",
               2 * logits.bytes() + label_bytes,
               [&] { kernels::cross_entropy<cpu>(truth, 0, pl, &loss, out); });
}

void optimizer_rows(Rows& rows, const std::vector<NamedTensor>& params) {
  // Each parameter's values begin at a cache line of their own, as in the tensors of a model.
  const auto room = [](const Tensor& t) { return (t.numel() + 15) / 16 * 16; };
  const int64_t all =
      std::accumulate(params.begin(), params.end(), int64_t{0},
                      [&](int64_t sum, const NamedTensor& p) { return sum + room(p.tensor); });
  const Tensor grad = normal({all}, 8);
  Tensor param = normal({all}, 9), mean = Tensor::zeros({all}, Dtype::f32);
  Tensor square = Tensor::full({all}, 1, Dtype::f32);
  const kernels::AdamRule<float> adam_rule{.step_size = 1e-3f,
                                           .beta1 = 0.9f,
                                           .one_minus_beta1 = 0.1f,
                                           .beta2 = 0.999f,
                                           .one_minus_beta2 = 0.001f,
                                           .eps = 1e-8f,
                                           .root_scale = 1,
                                           .weight_decay = 0,
                                           .shrink = 1 - 1e-5f};
  const kernels::SgdRule<float> sgd_rule{.lr = 1e-3f,
                                         .weight_decay = 1e-4f,
                                         .momentum = 0.9f,
                                         .take = 1,
                                         .lookahead = 0,
                                         .nesterov = false};
  std::vector<kernels::AdamSlot<float>> adam;
  std::vector<kernels::SgdSlot<float>> sgd;
  int64_t at = 0;
  for (const NamedTensor& p : params) {
    const float* g = grad.data<float>() + at;
    float *w = param.mutable_data<float>() + at, *m = mean.mutable_data<float>() + at;
    adam.push_back({p.tensor.numel(), adam_rule, g, w, m, square.mutable_data<float>() + at});
    sgd.push_back({p.tensor.numel(), sgd_rule, g, w, m});
    at += room(p.tensor);
  }
  rows.measure("AdamW", "update", "gradient + 2 (parameter + 2 moments)", 7 * grad.bytes(),
               [&] { kernels::adam_step<cpu, float>(adam); });
  rows.measure("SGD with momentum", "update", "gradient + 2 (parameter + velocity)",
               5 * grad.bytes(), [&] { kernels::sgd_step<cpu, float>(sgd); });
}

int run(const RooflineOptions& options) {
  Roofline roofline("bench_ops", options);
  {
    const Tensor x = normal({pixels, channels}, 1), dy = normal({pixels, channels}, 2);
    Tensor result = Tensor::zeros({pixels, channels}, Dtype::f32);
    Rows rows(roofline, str("activations, ", batch, "x", size, "x", size, "x", channels));
    batch_norm_rows(rows, x, dy, result);
    pointwise_rows(rows, x, dy, result);
    resize_rows(rows, x, dy, result);
    copy_rows(rows, x, dy);
  }
  Rows logits(roofline, str("logits, ", batch, "x", size, "x", size, "x", classes));
  class_rows(logits);
  const auto model =
      make_model({.name = "unet", .classes = classes, .options = {{"width", str(channels)}}});
  Rows parameters(roofline, str("parameters, ", model->parameter_count()));
  optimizer_rows(parameters, model->parameters());
  return roofline.finish();
}

int run_main(int argc, char** argv) {
  CLI::App app("Speed of the kernels that wait for memory, on the tensors of a U-Net.",
               "bench_ops");
  RooflineOptions options;
  options.add_to(app);
  return run_program(app, argc, argv, [&] { return run(options); });
}

}  // namespace
}  // namespace pixelgrad::bench

int main(int argc, char** argv) { return pixelgrad::bench::run_main(argc, argv); }
