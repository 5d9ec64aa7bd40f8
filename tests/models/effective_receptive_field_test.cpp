// What a pixel sees: the place of the theoretical field, and gradients whose values are known.
#include "models/effective_receptive_field.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "autograd/ops.h"
#include "layers/init.h"
#include "models/registry.h"
#include "models/summary.h"

namespace pixelgrad {
namespace {

using ::testing::HasSubstr;

/// A 3x3 convolution, all of whose weights are 1, that keeps the size for stride 1.
Tensor ones3x3(const Tensor& x, int64_t dilation = 1, int64_t stride = 1) {
  const Tensor weight = Tensor::full({1, 3, 3, x.shape(3)}, 1, x.dtype());
  return conv2d(x, weight, {}, {.stride = stride, .padding = dilation, .dilation = dilation});
}

/// How often each of n factors 1 + t^d + t^2d with the d of `dilations` gives a power of t: the
/// ways to reach an offset, from -reach to reach, along an axis.
std::vector<double> ways(const std::vector<int64_t>& dilations) {
  std::vector<double> counts{1};
  for (const int64_t d : dilations) {
    std::vector<double> next(counts.size() + static_cast<size_t>(2 * d));
    for (size_t i = 0; i < counts.size(); ++i)
      for (int64_t tap = 0; tap < 3; ++tap) next[i + static_cast<size_t>(tap * d)] += counts[i];
    counts = next;
  }
  return counts;
}

Tensor noise(const Shape& shape) {
  Tensor x = Tensor::empty(shape, Dtype::f64);
  fill_normal(x, {.seed = 3}, 0, 1);
  return x;
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "accepted";
}

// Stacked convolutions of ones are a convolution with the product of their polynomials. Three dense
// ones have (1 + t + t^2)^3 = 1 + 3t + 6t^2 + 7t^3 + 6t^4 + 3t^5 + t^6, both axes apart.
TEST(EffectiveReceptiveField, OfConvolutionsOfOnesIsAProductOfPolynomials) {
  EXPECT_EQ(ways({1, 1, 1}), (std::vector<double>{1, 3, 6, 7, 6, 3, 1}));
  for (const std::vector<int64_t>& dilations :
       {std::vector<int64_t>{1, 1, 1}, {2, 2, 2}, {1, 2, 4}, {1, 2, 5}}) {
    const std::vector<double> expected = ways(dilations);
    const auto field = effective_receptive_field(
        [&](Tensor x) {
          for (const int64_t d : dilations) x = ones3x3(x, d);
          return x;
        },
        noise({2, 25, 31, 3}));
    EXPECT_EQ(field.output, (PixelPosition{12, 15}));
    EXPECT_EQ(field.center, field.output);
    const auto side = static_cast<int64_t>(expected.size()), reach = side / 2;
    EXPECT_EQ(field.theoretical, (PixelBox{12 - reach, 15 - reach, side, side}));
    const double total = std::pow(9, static_cast<double>(dilations.size()));
    for (int64_t y = 0; y < 25; ++y)
      for (int64_t x = 0; x < 31; ++x) {
        const int64_t dy = y - 12 + reach, dx = x - 15 + reach;
        const bool inside = dy >= 0 && dy < side && dx >= 0 && dx < side;
        const double value =
            inside ? expected[static_cast<size_t>(dy)] * expected[static_cast<size_t>(dx)] : 0;
        // 0 where no path leads, not nearly so.
        EXPECT_NEAR(field.density.data<double>()[y * 31 + x], value / total, value > 0 ? 1e-15 : 0)
            << y << ", " << x;
      }
    EXPECT_EQ(share_inside(field, field.theoretical), 1.0);
  }
}

// Of (1, 2, 3, 2, 1) / 9 the middle one holds 3, the middle three 7; both axes: 9/81, 49/81.
TEST(EffectiveReceptiveField, SmallestBoxes) {
  const auto field = effective_receptive_field([](const Tensor& x) { return ones3x3(ones3x3(x)); },
                                               noise({1, 9, 9, 1}));
  EXPECT_NEAR(share_inside(field, {3, 3, 3, 3}), 49. / 81, 1e-15);
  EXPECT_EQ(share_inside(field, {2, 2, 5, 5}), 1.0);
  EXPECT_EQ(smallest_box(field, 0.11).side, 1);
  EXPECT_EQ(smallest_box(field, 0.12).side, 3);
  EXPECT_EQ(smallest_box(field, 0.60).side, 3);
  EXPECT_EQ(smallest_box(field, 0.61).side, 5);
  EXPECT_EQ(smallest_box(field, 1).side, 5);
  EXPECT_EQ(smallest_box(field, 1).box, (PixelBox{2, 2, 5, 5}));
  const auto corner = effective_receptive_field([](const Tensor& x) { return ones3x3(x); },
                                                noise({1, 9, 9, 1}), {.output = {{0, 8}}});
  EXPECT_EQ(corner.theoretical, (PixelBox{0, 7, 2, 2}));
  EXPECT_EQ(smallest_box(corner, 1).side, 3);
  EXPECT_EQ(smallest_box(corner, 1).box, (PixelBox{0, 7, 2, 2})) << "cut at the borders";
}

// y = (a x0, b x1): the gradient of <v, y> is (v0 a, v1 b), and |v0|, |v1| have the mean
// sqrt(2 / pi): channels count by the size of their weights, whatever their signs.
TEST(EffectiveReceptiveField, EveryOutputChannelCountsWithItsSize) {
  const Tensor weight = Tensor::from({2, 1, 2, 1}, {3.0, 0.0, 0.0, -1.0});
  const auto field = effective_receptive_field([&](const Tensor& x) { return conv2d(x, weight); },
                                               noise({5000, 1, 3, 1}), {.output = {{0, 0}}});
  EXPECT_NEAR(field.density.data<double>()[0], 0.75, 0.02);
  EXPECT_NEAR(field.density.data<double>()[1], 0.25, 0.02);
  EXPECT_EQ(field.density.data<double>()[2], 0);
}

/// The box around what a gradient reaches, in a network all of whose weights are positive.
PixelBox reached(const ImageFunction& network, const Tensor& image, PixelPosition output) {
  const auto field = effective_receptive_field(network, image, {.output = output});
  int64_t top = image.shape(1), left = image.shape(2), bottom = -1, right = -1;
  for (int64_t y = 0; y < image.shape(1); ++y)
    for (int64_t x = 0; x < image.shape(2); ++x)
      if (field.density.data<double>()[y * image.shape(2) + x] > 0) {
        top = std::min(top, y), bottom = std::max(bottom, y);
        left = std::min(left, x), right = std::max(right, x);
      }
  EXPECT_EQ(share_inside(field, field.theoretical), 1.0);
  return {top, left, bottom - top + 1, right - left + 1};
}

// Each op says where it reads; its gradient says so, too.
TEST(ReceptiveBox, IsWhatTheGradientReaches) {
  const Tensor image = Tensor::full({1, 13, 18, 1}, 1, Dtype::f64);
  const Tensor weight4 = Tensor::full({1, 4, 4, 1}, 1, Dtype::f64);
  const std::vector<std::pair<const char*, ImageFunction>> networks{
      {"strides", [](const Tensor& x) { return ones3x3(ones3x3(x, 1, 2), 1, 2); }},
      {"same, stride 2",
       [&](const Tensor& x) {
         return conv2d(x, weight4, {}, {.stride = 2, .padding = Padding::same});
       }},
      {"transposed",
       [&](const Tensor& x) {
         return conv_transpose2d(x, weight4, {}, {.stride = 2, .padding = 1});
       }},
      {"transposed, stride 3",
       [&](const Tensor& x) { return conv_transpose2d(x, weight4, {}, {.stride = 3}); }},
      {"average pooling",
       [](const Tensor& x) {
         return avg_pool2d(x, {.kernel_size = 3, .stride = 2, .padding = 1});
       }},
      {"bins", [](const Tensor& x) { return adaptive_avg_pool2d(x, 5, 5); }},
      {"one bin", [](const Tensor& x) { return upsample(global_avg_pool2d(x), 13, 18); }},
      {"nearest", [](const Tensor& x) { return upsample(x, 29, 31); }},
      {"bilinear",
       [](const Tensor& x) { return upsample(x, 29, 31, {.mode = UpsampleMode::bilinear}); }},
      {"bilinear by 3",
       [](const Tensor& x) { return upsample(x, 39, 54, {.mode = UpsampleMode::bilinear}); }},
      {"bilinear, corners aligned",
       [](const Tensor& x) {
         return upsample(x, 25, 35, {.mode = UpsampleMode::bilinear, .align_corners = true});
       }},
      {"zeros around",
       [](const Tensor& x) {
         return ones3x3(pad2d(x, {1, 1, 1, 1}));
       }},
      {"mirrored",
       [](const Tensor& x) {
         return ones3x3(pad2d(x, {2, 2, 3, 1, PadMode::reflect}));
       }},
      {"edge repeated",
       [](const Tensor& x) {
         return ones3x3(pad2d(x, {2, 2, 3, 1, PadMode::replicate}));
       }},
      {"cut out", [](const Tensor& x) { return ones3x3(crop2d(x, 2, 5, 6, 7)); }},
      {"shuffled",
       [](const Tensor& x) {
         const Tensor y = ones3x3(x);
         return pixel_shuffle(concat({y, y, y, y}), 2);
       }},
      {"side by side", [](const Tensor& x) { return add(ones3x3(x, 3), mul(x, ones3x3(x))); }},
      {"a factor for the whole image",
       [](const Tensor& x) { return mul(ones3x3(x), global_avg_pool2d(x)); }}};
  for (const auto& [name, network] : networks) {
    const Shape y = network(image).shape();
    for (const int64_t row : {int64_t{0}, int64_t{1}, y[1] / 2, y[1] / 2 + 1, y[1] - 1})
      for (const int64_t column : {int64_t{0}, y[2] / 2, y[2] - 1}) {
        const PixelPosition at{row, column};
        EXPECT_EQ(receptive_box(network, image.shape(), at, Dtype::f64),
                  reached(network, image, at))
            << name << ", pixel " << row << ", " << column;
      }
  }
}

// Of a U-Net without norm whose weights are positive every path shows, in every pixel as many as
// its place among the poolings allows. The summary has the mean of these places.
TEST(ReceptiveBox, OfAUNetIsWhatTheGradientReaches) {
  const auto model = make_model(
      {.name = "unet",
       .in_channels = 1,
       .classes = 1,
       .options = {{"width", "2"}, {"depth", "3"}, {"norm", "none"}, {"decoder", "transposed"}}});
  const auto summary = static_cast<double>(summarize(*model, 112, 112).receptive_field.height);
  model->to(Dtype::f64);
  model->eval();
  for (NamedTensor& p : model->parameters())
    for (int64_t i = 0; i < p.tensor.numel(); ++i) {
      double& v = p.tensor.mutable_data<double>()[i];
      v = 0.1 + std::abs(v);
    }
  // Poolings pass the gradient to one pixel of four; over many images each is once the largest.
  const Tensor images = noise({24, 112, 112, 1});
  const ImageFunction logits = [&](const Tensor& x) { return model->forward(x).logits; };
  double heights = 0;
  for (int64_t y = 52; y < 60; ++y) {
    const PixelBox box = receptive_box(logits, {1, 112, 112, 1}, {y, 56}, Dtype::f64);
    EXPECT_EQ(box, reached(logits, images, {y, 56})) << y;
    heights += static_cast<double>(box.height);
  }
  EXPECT_EQ(std::ceil(heights / 8), summary);
}

// A wrong place of the box would leave gradients outside.
TEST(EffectiveReceptiveField, NoModelSeesMoreThanItsBox) {
  for (const ModelInfo& info : list_models()) {
    if (info.name.ends_with("101") || info.name.ends_with("152")) continue;  // as 50, but slow
    const InitScope first_values(1);
    ModelConfig narrow{.name = info.name, .classes = 3};
    if (!info.options.empty()) narrow.options["width"] = "4";
    const auto model = make_model(narrow);
    model->to(Dtype::f64);
    const InputPadding add = model->input_padding(50, 70);
    const Tensor image = noise({2, add.top + 50 + add.bottom, add.left + 70 + add.right, 3});
    const EffectiveReceptiveField field = effective_receptive_field(*model, image);
    EXPECT_EQ(share_inside(field, field.theoretical), 1.0) << info.name;
    EXPECT_TRUE(model->training()) << info.name;
    for (const NamedTensor& p : model->parameters()) {
      EXPECT_TRUE(needs_grad(p.tensor)) << info.name << " " << p.name;
      EXPECT_FALSE(grad(p.tensor).defined()) << info.name << " " << p.name;
    }
  }
}

TEST(EffectiveReceptiveField, OfASmallUNetIsInsideABoxSmallerThanTheImage) {
  const auto model =
      make_model({.name = "unet", .classes = 3, .options = {{"width", "4"}, {"depth", "2"}}});
  model->to(Dtype::f64);
  const EffectiveReceptiveField field = effective_receptive_field(*model, noise({2, 80, 96, 3}));
  EXPECT_LT(field.theoretical.height, 80);
  EXPECT_LT(field.theoretical.width, 96);
  EXPECT_EQ(share_inside(field, field.theoretical), 1.0);
  PixelBox less = field.theoretical;
  ++less.top, --less.height;
  EXPECT_LT(share_inside(field, less), 1.0);
}

// Zhao et al. 2017: pyramid pooling shows every pixel of the image to every pixel of the output.
TEST(EffectiveReceptiveField, OfPyramidPoolingIsTheWholeImage) {
  const auto model = make_model({.name = "pspnet-resnet18", .options = {{"width", "4"}}});
  model->to(Dtype::f64);
  const EffectiveReceptiveField field = effective_receptive_field(*model, noise({4, 97, 97, 3}));
  EXPECT_EQ(field.theoretical, (PixelBox{0, 0, 97, 97}));
  for (const double v : field.density.to_doubles()) ASSERT_GT(v, 0);
}

TEST(EffectiveReceptiveField, SaysWhatItCannotDo) {
  const auto of = [](const ImageFunction& network, const Shape& shape,
                     const EffectiveReceptiveFieldOptions& options = {}) {
    return refusal([&] { effective_receptive_field(network, noise(shape), options); });
  };
  const ImageFunction conv = [](const Tensor& x) { return ones3x3(x); };
  EXPECT_THAT(of(conv, {4, 4, 1}), HasSubstr("images are [4,4,1], expected [N,H,W,C]"));
  EXPECT_THAT(of(conv, {0, 4, 4, 1}), HasSubstr("images are [0,4,4,1], expected [N,H,W,C] with N"));
  EXPECT_THAT(of([](const Tensor& x) { return sum(x); }, {1, 4, 4, 1}),
              HasSubstr("output is [], expected [N,h,w,K]"));
  EXPECT_THAT(of(conv, {1, 4, 4, 1}, {.output = {{4, 0}}}),
              HasSubstr("pixel (4, 0) of an output [1,4,4,1]"));
  EXPECT_THAT(of([](const Tensor& x) { return relu(-(x * x)); }, {1, 4, 4, 1}),
              HasSubstr("the gradient of output pixel (2, 2) is 0 everywhere"));
  EXPECT_THAT(of(
                  [](const Tensor& x) {
                    return reshape(sum(x, {1, 2}), {1, 1, 1, 1});
                  },
                  {1, 4, 4, 1}),
              HasSubstr("does not say which pixels it reads"));
  const auto field = effective_receptive_field(conv, noise({1, 4, 4, 1}));
  EXPECT_THAT(refusal([&] { smallest_box(field, 0); }), HasSubstr("share is 0, expected over 0"));
  EXPECT_THAT(refusal([&] { smallest_box(field, 1.5); }), HasSubstr("share is 1.5, expected"));
  EXPECT_THAT(refusal([&] {
                share_inside(field, {0, 0, 5, 4});
              }),
              HasSubstr("box of 5 x 4 at (0, 0) does not lie inside the image of 4 x 4"));
}

}  // namespace
}  // namespace pixelgrad
