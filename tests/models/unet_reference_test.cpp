#include <gtest/gtest.h>

#include <cmath>
#include <functional>

#include "models/registry.h"
#include "tests/models/unet_reference_numbers.h"

namespace pixelgrad {
namespace {

/// Fills x with f(0), f(1), ...
void fill_by(Tensor& x, const std::function<double(double)>& f) {
  double* values = x.mutable_data<double>();
  for (int64_t i = 0; i < x.numel(); ++i) values[i] = f(static_cast<double>(i));
}

/// Parameter number p: sin(1 + i + p) / sqrt(fan in) in convolutions, near 1 in batch norm's
/// weights, small in biases.
void fill_parameters(const Module& model) {
  double p = 0;
  for (auto& [name, tensor] : model.parameters()) {
    Tensor values = tensor;
    const auto wave = [&](double i) { return std::sin(i + 1 + p); };
    if (values.dims() == 4) {
      const double fan = std::sqrt(static_cast<double>(values.numel() / values.shape(0)));
      fill_by(values, [&](double i) { return wave(i) / fan; });
    } else if (name.ends_with("weight")) {
      fill_by(values, [&](double i) { return 1 + 0.1 * wave(i); });
    } else {
      fill_by(values, [&](double i) { return 0.1 * wave(i); });
    }
    ++p;
  }
}

void expect_projection(const Tensor& x, const Projection& expected, const std::string& what) {
  double along = 0, squares = 0, i = 0;
  for (const double v : x.to_doubles()) {
    along += v * std::cos(++i);
    squares += v * v;
  }
  EXPECT_NEAR(along, expected.along, 1e-10 * expected.norm) << what;
  EXPECT_NEAR(std::sqrt(squares), expected.norm, 1e-10 * expected.norm) << what;
}

void expect_equal_to_pytorch(OptionMap options, const UNetNumbers& expected) {
  options["width"] = "4";
  options["depth"] = "2";
  const auto model = make_model({.name = "unet", .classes = 5, .options = options});
  model->to(Dtype::f64);
  fill_parameters(*model);
  Tensor images = require_grad(Tensor::empty({2, expected.height, expected.width, 3}, Dtype::f64));
  fill_by(images, [](double i) { return std::sin(0.1 * i); });

  const Tensor logits = (*model)(images).logits;
  Tensor cotangent = Tensor::empty(logits.shape(), Dtype::f64);
  fill_by(cotangent, [](double i) { return std::cos(0.3 * i); });
  expect_projection(logits, expected.logits, "logits");
  const std::vector<double> values = logits.to_doubles();
  for (size_t k = 0; k < 5; ++k) {
    const auto pixel = static_cast<size_t>((logits.shape(1) + 2) * logits.shape(2) + 3);
    EXPECT_NEAR(values[pixel * 5 + k], expected.pixel[k], 1e-10) << "class " << k;
  }

  backward(logits, cotangent);
  expect_projection(grad(images), expected.image_gradient, "gradient of the images");
  const std::vector<NamedTensor> params = model->parameters();
  ASSERT_EQ(params.size(), expected.gradients.size());
  for (size_t i = 0; i < params.size(); ++i)
    expect_projection(grad(params[i].tensor), expected.gradients[i],
                      "gradient of " + params[i].name);

  model->eval();
  expect_projection((*model)(images).logits, expected.eval_logits, "logits in evaluation");
}

TEST(UNetReference, SamePaddingWithBatchNorm) { expect_equal_to_pytorch({}, unet_same); }
TEST(UNetReference, ValidPaddingWithoutNorm) {
  expect_equal_to_pytorch({{"padding", "valid"}}, unet_valid);
}
TEST(UNetReference, BilinearDecoder) {
  expect_equal_to_pytorch({{"decoder", "bilinear"}}, unet_bilinear);
}

}  // namespace
}  // namespace pixelgrad
