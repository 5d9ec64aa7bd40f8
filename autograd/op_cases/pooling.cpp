// Pooling over sliding windows, over bins and over whole images.
#include <algorithm>

#include "autograd/op_cases/arguments.h"
#include "autograd/op_cases/internal.h"
#include "autograd/ops/pool.h"

namespace pixelgrad {
namespace {

OpSample max_pool(std::string name, Shape x, MaxPool2dSpec spec) {
  return {std::move(name), spaced({std::move(x)}),
          [spec](const std::vector<Tensor>& in) { return max_pool2d(in[0], spec); }, spec};
}

OpSample avg_pool(std::string name, Shape x, AvgPool2dSpec spec) {
  return {std::move(name), normals({std::move(x)}),
          [spec](const std::vector<Tensor>& in) { return avg_pool2d(in[0], spec); }, spec};
}

/// Errors that pooling by windows has in common.
std::vector<OpError> window_errors(
    const std::function<Tensor(Shape x, int64_t kernel, int64_t stride, Padding)>& call) {
  return {
      {"kernel larger than the image",
       [call] {
         call({1, 2, 2, 3}, 3, 0, 0);
       },
       "input [1,2,2,3] with padding 0 is smaller than the window of 3"},
      {"padding over half the kernel",
       [call] {
         call({1, 8, 8, 3}, 2, 2, 2);
       },
       "padding is 2, expected 0 to kernel_size / 2 = 1"},
      {"negative stride",
       [call] {
         call({1, 8, 8, 3}, 2, -1, 0);
       },
       "stride -1"},
      {"three dimensions",
       [call] {
         call({8, 8, 3}, 2, 0, 0);
       },
       "input is [8,8,3], expected [N,H,W,C]"},
      {"no rows",
       [call] {
         call({1, 0, 8, 3}, 2, 0, Padding::same);
       },
       "input [1,0,8,3] has no pixels"},
  };
}

OpCase max_pool2d_case() {
  OpCase op;
  op.name = "max_pool2d";
  op.inputs = {"x"};
  op.has_kinks = true;
  op.saved_bytes = [](const OpSample& sample, const auto&, const Shape& y, int64_t) {
    const auto& spec = std::any_cast<const MaxPool2dSpec&>(sample.arguments);
    return numel(y) * (spec.kernel_size * spec.kernel_size <= 256 ? 1 : 4);
  };
  op.samples = {
      max_pool("one pixel", {1, 1, 1, 1}, {.kernel_size = 1, .stride = 1}),
      max_pool("2x2, stride 2, odd sizes", {2, 5, 7, 3}, {}),
      max_pool("3x3, stride 2, padding 1, as a stem", {1, 7, 8, 17},
               {.kernel_size = 3, .stride = 2, .padding = 1}),
      max_pool("overlapping, stride 1", {1, 4, 5, 2},
               {.kernel_size = 3, .stride = 1, .padding = 1}),
      max_pool("gaps between the windows", {1, 7, 8, 2}, {.kernel_size = 2, .stride = 3}),
      max_pool("kernel larger than the image", {1, 3, 4, 2}, {.kernel_size = 5, .padding = 2}),
      max_pool("dilation 2", {1, 7, 6, 2}, {.kernel_size = 3, .stride = 1, .dilation = 2}),
      max_pool("dilation 2, stride 2, padding 1", {1, 9, 8, 1},
               {.kernel_size = 3, .stride = 2, .padding = 1, .dilation = 2}),
      max_pool("dilation 12", {1, 25, 26, 1}, {.kernel_size = 3, .stride = 1, .dilation = 12}),
      max_pool("ceil_mode, odd sizes", {2, 5, 7, 3}, {.ceil_mode = true}),
      max_pool("ceil_mode, a last window in the padding only", {1, 4, 7, 2},
               {.kernel_size = 2, .stride = 3, .padding = 1, .ceil_mode = true}),
      max_pool("same, odd padding", {1, 6, 5, 3},
               {.kernel_size = 3, .stride = 2, .padding = Padding::same}),
      max_pool("same, even kernel, stride 1", {1, 4, 5, 2},
               {.kernel_size = 2, .stride = 1, .padding = Padding::same}),
      max_pool("same, dilation 2", {1, 6, 7, 2},
               {.kernel_size = 3, .stride = 1, .padding = Padding::same, .dilation = 2}),
      max_pool("17x17: more taps than a byte counts", {1, 19, 18, 2},
               {.kernel_size = 17, .stride = 5, .padding = 8}),
      max_pool("several tiles", {1, 65, 67, 17}, {}),
  };
  op.errors = window_errors([](Shape x, int64_t kernel, int64_t stride, Padding padding) {
    return max_pool2d(zeros(std::move(x)),
                      {.kernel_size = kernel, .stride = stride, .padding = padding});
  });
  op.errors.push_back({"dilated kernel larger than the image",
                       [] {
                         max_pool2d(zeros({1, 4, 4, 1}), {.kernel_size = 3, .dilation = 2});
                       },
                       "smaller than the window of 5"});
  op.errors.push_back(
      {"same with ceil_mode",
       [] {
         max_pool2d(zeros({1, 4, 4, 1}), {.padding = Padding::same, .ceil_mode = true});
       },
       "padding is same, which leaves no window over; expected ceil_mode off"});
  return op;
}

OpCase avg_pool2d_case() {
  OpCase op;
  op.name = "avg_pool2d";
  op.inputs = {"x"};
  op.linear = true;
  op.saved_bytes = saves_nothing;
  op.samples = {
      avg_pool("one pixel", {1, 1, 1, 1}, {.kernel_size = 1, .stride = 1}),
      avg_pool("2x2, stride 2, odd sizes", {2, 5, 7, 3}, {}),
      avg_pool("padding counted", {1, 6, 5, 17}, {.kernel_size = 3, .stride = 2, .padding = 1}),
      avg_pool("padding not counted", {1, 6, 5, 2},
               {.kernel_size = 3, .stride = 2, .padding = 1, .count_include_pad = false}),
      avg_pool("overlapping", {1, 5, 4, 2}, {.kernel_size = 3, .stride = 1}),
      avg_pool("gaps between the windows", {1, 7, 8, 2}, {.kernel_size = 2, .stride = 3}),
      avg_pool("kernel larger than the image", {1, 3, 4, 2}, {.kernel_size = 5, .padding = 2}),
      avg_pool("ceil_mode, odd sizes", {2, 5, 7, 3}, {.ceil_mode = true}),
      avg_pool("ceil_mode beyond the padding", {1, 6, 7, 2},
               {.kernel_size = 3, .stride = 2, .padding = 1, .ceil_mode = true}),
      avg_pool("ceil_mode, a last window in the padding only", {1, 4, 7, 2},
               {.kernel_size = 2, .stride = 3, .padding = 1, .ceil_mode = true}),
      avg_pool("ceil_mode, padding not counted", {1, 6, 6, 1},
               {.kernel_size = 3,
                .stride = 3,
                .padding = 1,
                .ceil_mode = true,
                .count_include_pad = false}),
      avg_pool("same, padding counted", {1, 6, 5, 3},
               {.kernel_size = 3, .stride = 2, .padding = Padding::same}),
      avg_pool(
          "same, as Keras", {1, 6, 7, 2},
          {.kernel_size = 2, .stride = 1, .padding = Padding::same, .count_include_pad = false}),
      avg_pool("several tiles", {1, 65, 67, 17}, {.kernel_size = 3, .stride = 2}),
  };
  op.errors = window_errors([](Shape x, int64_t kernel, int64_t stride, Padding padding) {
    return avg_pool2d(zeros(std::move(x)),
                      {.kernel_size = kernel, .stride = stride, .padding = padding});
  });
  return op;
}

/// `make_inputs` is normals, or spaced where the largest value counts.
OpCase adaptive_case(std::string name, Tensor (*pool)(const Tensor&, int64_t, int64_t),
                     MakeInputs (*make_inputs)(std::vector<Shape>)) {
  const auto bins = [=](std::string what, Shape x, int64_t h, int64_t w) -> OpSample {
    return {std::move(what), make_inputs({std::move(x)}),
            [=](const std::vector<Tensor>& in) { return pool(in[0], h, w); }, SizeArguments{h, w}};
  };
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  op.samples = {
      bins("one pixel", {1, 1, 1, 1}, 1, 1),
      bins("one bin", {2, 5, 7, 3}, 1, 1),
      bins("2x2 bins of an odd size", {1, 5, 7, 17}, 2, 2),
      bins("3x3 bins that overlap", {1, 7, 8, 2}, 3, 3),
      bins("6x6 bins of 10x12 pixels", {1, 10, 12, 1}, 6, 6),
      bins("other bins along each axis", {2, 6, 5, 2}, 4, 1),
      bins("a bin a pixel", {1, 4, 5, 3}, 4, 5),
      bins("more bins than pixels", {1, 2, 3, 2}, 5, 4),
      bins("a bin of more than 256 pixels", {1, 17, 18, 1}, 1, 1),
      bins("several tiles", {1, 65, 67, 17}, 6, 6),
  };
  op.errors = {
      {"no bins",
       [=] {
         pool(zeros({1, 4, 4, 3}), 0, 2);
       },
       "from [1,4,4,3] to 0 x 2, expected sizes of at least 1"},
      {"an empty image",
       [=] {
         pool(zeros({1, 4, 0, 3}), 1, 2);
       },
       "from [1,4,0,3] to 1 x 2"},
      {"three dimensions",
       [=] {
         pool(zeros({4, 4, 3}), 1, 2);
       },
       "input is [4,4,3], expected [N,H,W,C]"},
  };
  return op;
}

OpCase global_case(std::string name, Tensor (*pool)(const Tensor&),
                   MakeInputs (*make_inputs)(std::vector<Shape>)) {
  OpCase op;
  op.name = std::move(name);
  op.inputs = {"x"};
  const std::vector<std::pair<std::string, Shape>> shapes = {
      {"one pixel", {1, 1, 1, 1}},       {"one channel", {2, 3, 4, 1}},
      {"3 channels", {2, 5, 7, 3}},      {"17 channels", {1, 4, 3, 17}},
      {"one row", {3, 1, 9, 2}},         {"one column", {1, 9, 1, 5}},
      {"256 pixels", {1, 16, 16, 2}},    {"257 pixels", {1, 1, 257, 1}},
      {"several tiles", {1, 64, 65, 65}}};
  for (const auto& [what, shape] : shapes)
    op.samples.push_back({what, make_inputs({shape}),
                          [pool](const std::vector<Tensor>& in) { return pool(in[0]); }});
  op.errors = {
      {"three dimensions",
       [=] {
         pool(zeros({4, 4, 3}));
       },
       "input is [4,4,3], expected [N,H,W,C]"},
      {"an empty image",
       [=] {
         pool(zeros({1, 0, 4, 3}));
       },
       "from [1,0,4,3] to 1 x 1"},
      {"labels",
       [=] {
         pool(Tensor::zeros({1, 4, 4, 1}, Dtype::i32));
       },
       "input holds i32, expected f32, f64 or bf16"},
  };
  return op;
}

/// One byte a value, four where a bin may hold more than 256 pixels.
int64_t bytes_of_argmax(const Shape& x, const Shape& y) {
  const auto largest = [](int64_t in, int64_t out) {
    int64_t pixels = 0;
    for (int64_t i = 0; i < out; ++i)
      pixels = std::max(pixels, ((i + 1) * in + out - 1) / out - i * in / out);
    return pixels;
  };
  return numel(y) * (largest(x[1], y[1]) * largest(x[2], y[2]) <= 256 ? 1 : 4);
}

}  // namespace

std::vector<OpCase> pooling_cases() {
  OpCase adaptive_avg = adaptive_case("adaptive_avg_pool2d", adaptive_avg_pool2d, normals);
  OpCase adaptive_max = adaptive_case("adaptive_max_pool2d", adaptive_max_pool2d, spaced);
  OpCase global_avg = global_case("global_avg_pool2d", global_avg_pool2d, normals);
  // Its only value is a mean near 0: what cancels takes digits of single precision with it.
  for (OpSample& sample : global_avg.samples) sample.ill_conditioned = sample.name == "257 pixels";
  OpCase global_max = global_case("global_max_pool2d", global_max_pool2d, spaced);
  for (OpCase* op : {&adaptive_avg, &global_avg}) {
    op->linear = true;
    op->saved_bytes = saves_nothing;
  }
  for (OpCase* op : {&adaptive_max, &global_max}) {
    op->has_kinks = true;
    op->saved_bytes = [](const OpSample&, const std::vector<Shape>& x, const Shape& y, int64_t) {
      return bytes_of_argmax(x[0], y);
    };
  }
  return {max_pool2d_case(), avg_pool2d_case(), adaptive_avg, adaptive_max, global_avg, global_max};
}

}  // namespace pixelgrad
