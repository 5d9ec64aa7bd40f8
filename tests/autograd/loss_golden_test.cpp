// Numbers of PyTorch 2 and segmentation_models.pytorch 0.6 in f64 (the call stands above each), or
// by hand: softmax and the losses.
#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <string>
#include <utility>

#include "autograd/ops.h"
#include "tests/autograd/golden.h"

namespace pixelgrad {
namespace {

// torch.log_softmax, torch.softmax
TEST(Softmax, Values) {
  expect_near(log_softmax(vec({1, 2, 3, -1})),
              {-2.4197166463153397, -1.4197166463153397, -0.4197166463153396, -4.419716646315339});
  expect_near(softmax(vec({1, 2, 3, -1})),
              {0.0889468172974043, 0.24178251715880075, 0.6572330228318554, 0.012037642711939448});
  expect_near(log_softmax(vec({1000, 0, -1000})), {0, -1000, -2000});
  expect_near(softmax(vec({0, -inf, 0})), {.5, 0, .5});
}

TEST(Softmax, NanStaysInItsRow) {
  const auto y = log_softmax(Tensor::from<double>({2, 2}, {0, nan, 3, 3})).to_doubles();
  EXPECT_TRUE(std::isnan(y[0]) && std::isnan(y[1]));
  EXPECT_NEAR(y[2], -std::log(2), 1e-15);
}

// F.cross_entropy(z, [0, 1, 255, 2], ignore_index=255, ...).backward()
class CrossEntropy : public testing::Test {
 protected:
  void expect(CrossEntropySpec spec, double loss, const std::vector<double>& dz) {
    const Tensor y = cross_entropy(z, labels, spec);
    EXPECT_EQ(y.shape(), Shape{});
    EXPECT_NEAR(y.item(), loss, 1e-12);
    backward(y);
    expect_near(grad(z), dz);
  }

  Tensor z = leaf({4, 3}, {2, 1, .1, .5, 2.5, .3, 1, 1, 1, 3, 0, 0});
  Tensor labels = Tensor::from<int32_t>({4}, {0, 1, 255, 2});
  Tensor weights = vec({1, 2, .5});
};

TEST_F(CrossEntropy, Mean) {
  expect({}, 1.244000831906444,
         {-0.1136662870380107, 0.08081099023490462, 0.03285529680310606, 0.036201243435670785,
          -0.06584031473611691, 0.029639071300446088, 0, 0, 0, 0.303147666170914,
          0.015092833581209693, -0.3182404997521236});
}

TEST_F(CrossEntropy, Weighted) {
  expect({.class_weights = weights}, 0.6870258687226828,
         {-0.0974282460325806, 0.06926656305848967, 0.028161682974090912, 0.06205927446114992,
          -0.11286911097620042, 0.05080983651505043, 0, 0, 0, 0.12992042835896314,
          0.006468357249089869, -0.13638878560805298});
}

TEST_F(CrossEntropy, Smoothed) {
  expect({.label_smoothing = 0.1}, 1.2895563874619995,
         {-0.09144406481578846, 0.06969987912379352, 0.021744185691994957, 0.025090132324559682,
          -0.043618092513894674, 0.018527960189334978, 0, 0, 0, 0.29203655505980286,
          0.003981722470098582, -0.2960182775299014});
}

TEST_F(CrossEntropy, WeightedAndSmoothed) {
  expect({.class_weights = weights, .label_smoothing = 0.1}, 0.771770984088678,
         {-0.07524252632359983, 0.05137338672851214, 0.023869139595087668, 0.04994966183479249,
          -0.09388051706647786, 0.043930855231685245, 0, 0, 0, 0.13771934261634874,
          -0.011716814165317193, -0.12600252845103152});
}

TEST_F(CrossEntropy, IsZeroWhereAllIsIgnored) {
  labels.fill(255);
  expect({}, 0, std::vector<double>(12, 0));
}

TEST_F(CrossEntropy, IsZeroWhereNoClassHasWeight) {
  labels.fill(1);
  expect({.class_weights = vec({1, 0, 1})}, 0, std::vector<double>(12, 0));
}

TEST_F(CrossEntropy, LogitsOfIgnoredPixelsDoNotMatter) {
  z = leaf({2, 2}, {nan, inf, 0, 0});
  labels = Tensor::from<int32_t>({2}, {255, 1});
  expect({}, std::log(2), {0, 0, .5, -.5});
}

TEST_F(CrossEntropy, ScalesWithTheGradientOfTheLoss) {
  z = leaf({1, 2}, {0, 0});
  backward(scale(cross_entropy(z, Tensor::from<int32_t>({1}, {0})), 8));
  expect_near(grad(z), {-4, 4});
}

TEST_F(CrossEntropy, StaysFiniteForLogitsFarApart) {
  z = require_grad(Tensor::from<float>({1, 2}, {1e4F, -1e4F}));
  const Tensor y = cross_entropy(z, Tensor::from<int32_t>({1}, {1}));
  EXPECT_EQ(y.item(), 2e4);
  backward(y);
  expect_near(grad(z), {1, -1}, 0);
}

// What losses on labels do is compared on the numbers of the cross entropy above: four pixels of
// three classes, the third ignored.
class LabelLosses : public testing::Test {
 protected:
  void expect(const Tensor& loss, double value, const std::vector<double>& dz,
              double tolerance = 1e-12) {
    EXPECT_EQ(loss.shape(), Shape{});
    EXPECT_NEAR(loss.item(), value, tolerance);
    backward(loss);
    expect_near(grad(z), dz, tolerance);
  }

  Tensor z = leaf({4, 3}, {2, 1, .1, .5, 2.5, .3, 1, 1, 1, 3, 0, 0});
  Tensor labels = Tensor::from<int32_t>({4}, {0, 1, 255, 2});
  Tensor without_class_2 = Tensor::from<int32_t>({4}, {0, 1, 255, 0});
  Tensor weights = vec({1, 2, .5});
};

// DiceLoss('multiclass', ignore_index=255)
TEST_F(LabelLosses, Dice) {
  expect(dice_loss(z, labels), 0.5554515290140477,
         {-0.06303963238848548, 0.05200705987524309, 0.011032572513242397, 0.02286801620232688,
          -0.037906014432757144, 0.015037998230430259, 0, 0, 0, 0.021457195297206764,
          0.00383708157214319, -0.025294276869349958});
}

// DiceLoss(..., smooth=1, log_loss=True, class_weights=[1, 2, .5])
TEST_F(LabelLosses, DiceSmoothedWeightedLog) {
  expect(dice_loss(z, labels, {.class_weights = weights, .log_loss = true, .smooth = 1}),
         0.23252004228356848,
         {-0.050163945782127434, 0.042357396523454376, 0.0078065492586730624, 0.020940724399291257,
          -0.036583002132756864, 0.015642277733465583, 0, 0, 0, 0.0030862517916272676,
          0.0037133824922740057, -0.006799634283901281});
}

// JaccardLoss('multiclass', ignore_index=255)
TEST_F(LabelLosses, Jaccard) {
  expect(jaccard_loss(z, labels), 0.6707112978525901,
         {-0.0635857054022227, 0.05576041428312746, 0.007825291119095249, 0.027678390728907598,
          -0.04649514310264877, 0.01881675237374114, 0, 0, 0, 0.009358508506022522,
          0.005327768929881012, -0.01468627743590354});
}

// A class without pixels adds 0 and counts; over the present classes the mean is 3/2 of that.
TEST_F(LabelLosses, JaccardOfAbsentClass) {
  expect(jaccard_loss(z, without_class_2), 0.21099565943777496,
         {-0.06129638194983392, 0.05488285553228927, 0.0064135264175446535, 0.033943412973666896,
          -0.05127845553635603, 0.017335042562689116, 0, 0, 0, -0.01966178242906333,
          0.013482946681916456, 0.0061788357471469066});
  EXPECT_NEAR(jaccard_loss(z, without_class_2, {.mean_over = ClassMean::present}).item(),
              1.5 * 0.21099565943777496, 1e-12);
}

// TverskyLoss('multiclass', ignore_index=255, alpha=.3, beta=.7, gamma=4/3)
TEST_F(LabelLosses, Tversky) {
  expect(tversky_loss(z, labels, {.alpha = .3, .beta = .7, .gamma = 4.0 / 3}), 0.4368785543922932,
         {-0.07011281376495616, 0.055045123950586826, 0.01506768981436932, 0.028171997064009736,
          -0.04758547901171149, 0.019413481947701726, 0, 0, 0, 0.019655340949458172,
          0.0024779388826953455, -0.022133279832153522});
}

// LovaszLoss('multiclass', ignore_index=255), whose weights of the errors are in f32
TEST_F(LabelLosses, Lovasz) {
  expect(lovasz_softmax(z, labels), 0.5999731288420967,
         {-0.06408037360514668, 0.05723713820298604, 0.00684323540216065, 0.014525369825370369,
          -0.02641773680123205, 0.011892366975861672, 0, 0, 0, 0.02745214365629827,
          -0.006179655037544301, -0.02127248861875399},
         1e-7);
}

TEST_F(LabelLosses, LovaszOfAbsentClass) {
  expect(lovasz_softmax(z, without_class_2), 0.21938133808834526,
         {-0.09612056040772003, 0.08585570730447906, 0.010264853103240976, 0.0298554661538355,
          -0.04688928838297426, 0.01703382222913873, 0, 0, 0, -0.013726073464424404,
          0.006863036732212209, 0.006863036732212209},
         1e-7);
}

// per_image=True, of two images with two pixels each
TEST_F(LabelLosses, LovaszPerImage) {
  const Tensor images = reshape(z, {2, 2, 1, 3});
  expect(lovasz_softmax(images, labels.view({2, 2, 1}), {.per_image = true}), 0.6176047042708266,
         {-0.07615010993298066, 0.0628983041269789, 0.01325180580600176, 0.010894027369027778,
          -0.019813302600924045, 0.008919275231896255, 0, 0, 0, 0.020589107742223722,
          0.0010250713147954094, -0.02161417905701913},
         1e-7);
}

// softmax_focal_loss_with_logits of the pixels that count
TEST_F(LabelLosses, Focal) {
  expect(focal_loss(z, labels), 0.9593595059382013,
         {-0.034521480924922694, 0.02454302969345235, 0.009978451231470346, 0.0039377195895142015,
          -0.007161651714447089, 0.003223932124932883, 0, 0, 0, 0.35743232388545404,
          0.01779550754616959, -0.3752278314316235});
}

TEST_F(LabelLosses, FocalWithSmallGamma) {
  expect(focal_loss(z, labels, {.gamma = .5}), 1.1217890235139694,
         {-0.09312277353107795, 0.06620558952498075, 0.026917184006097203, 0.0232808946850419,
          -0.04234167912285547, 0.01906078443781354, 0, 0, 0, 0.31794354243698625,
          0.01582947688443109, -0.3337730193214173});
}

// With gamma 0 it is the weighted cross entropy.
TEST_F(LabelLosses, FocalWithoutGamma) {
  expect(focal_loss(z, labels, {.class_weights = weights, .gamma = 0}), 0.6870258687226828,
         {-0.0974282460325806, 0.06926656305848967, 0.028161682974090912, 0.06205927446114992,
          -0.11286911097620042, 0.05080983651505043, 0, 0, 0, 0.12992042835896314,
          0.006468357249089869, -0.13638878560805298});
}

// F.cross_entropy of the pixels that are kept: p of the labels is .659, .802, (ignored), .045.
TEST_F(LabelLosses, Ohem) {
  const double first = 0.41703, last = 3.09492;  // -log p
  const auto loss = [&](double threshold, int64_t min_kept) {
    return ohem_cross_entropy(z, labels, {.threshold = threshold, .min_kept = min_kept}).item();
  };
  EXPECT_NEAR(loss(0.1, 0), last, 1e-5);
  EXPECT_NEAR(loss(0.7, 0), (first + last) / 2, 1e-5);
  EXPECT_NEAR(loss(0.1, 2), (first + last) / 2, 1e-5);
  EXPECT_NEAR(loss(0.7, 3), 1.244000831906444, 1e-12);  // all that count
  EXPECT_NEAR(loss(0, 100), 1.244000831906444, 1e-12);
  EXPECT_EQ(loss(0, 0), 0);
}

TEST_F(LabelLosses, OhemTakesTheFirstOfEquals) {
  z = leaf({4, 2}, {0, 0, 0, 0, 0, 0, 0, 0});
  labels = Tensor::from<int32_t>({4}, {255, 0, 1, 0});
  expect(ohem_cross_entropy(z, labels, {.threshold = .5, .min_kept = 2}), std::log(2),
         {0, 0, -.25, .25, .25, -.25, 0, 0});
}

using Loss = std::function<Tensor(const Tensor&, const Tensor&)>;

/// Every loss on labels that takes logits [...,K].
std::vector<std::pair<std::string, Loss>> label_losses() {
  return {
      {"cross_entropy", [](const Tensor& z, const Tensor& l) { return cross_entropy(z, l); }},
      {"focal_loss", [](const Tensor& z, const Tensor& l) { return focal_loss(z, l); }},
      {"ohem_cross_entropy",
       [](const Tensor& z, const Tensor& l) { return ohem_cross_entropy(z, l); }},
      {"dice_loss", [](const Tensor& z, const Tensor& l) { return dice_loss(z, l); }},
      {"jaccard_loss", [](const Tensor& z, const Tensor& l) { return jaccard_loss(z, l); }},
      {"tversky_loss",
       [](const Tensor& z, const Tensor& l) { return tversky_loss(z, l, {.gamma = .75}); }},
      {"lovasz_softmax", [](const Tensor& z, const Tensor& l) { return lovasz_softmax(z, l); }},
      {"lovasz_softmax per image",
       [](const Tensor& z, const Tensor& l) { return lovasz_softmax(z, l, {.per_image = true}); }},
  };
}

TEST_F(LabelLosses, AreZeroWhereAllIsIgnored) {
  labels.fill(255);
  for (const auto& [name, loss] : label_losses()) {
    SCOPED_TRACE(name);
    clear_grad(z);
    expect(loss(z, labels), 0, std::vector<double>(12, 0), 0);
  }
}

TEST_F(LabelLosses, DoNotLookAtIgnoredPixels) {
  for (const auto& [name, loss] : label_losses()) {
    SCOPED_TRACE(name);
    const Tensor clean = leaf({2, 2}, {5, 5, 1, 0}), odd = leaf({2, 2}, {nan, inf, 1, 0});
    const Tensor l = Tensor::from<int32_t>({2}, {255, 1});
    const Tensor expected = loss(clean, l), got = loss(odd, l);
    EXPECT_EQ(got.item(), expected.item());
    EXPECT_GT(got.item(), 0);
    backward(expected);
    backward(got);
    expect_near(grad(odd), grad(clean).to_doubles(), 0);
  }
}

TEST_F(LabelLosses, HandNanOn) {
  for (const auto& [name, loss] : label_losses()) {
    const Tensor odd = leaf({2, 2}, {nan, 2, 1, 0});
    const Tensor value = loss(odd, Tensor::from<int32_t>({2}, {0, 1}));
    EXPECT_TRUE(std::isnan(value.item())) << name;
    backward(value);
    EXPECT_TRUE(std::isnan(grad(odd).to_doubles()[0])) << name;
  }
}

// Logits so far apart that p is 0 or 1 in f32: right and wrong, nothing may become NaN.
TEST_F(LabelLosses, StayFiniteForLogitsFarApart) {
  for (const auto& [name, loss] : label_losses())
    for (const int32_t label : {0, 1}) {
      const Tensor far = require_grad(Tensor::from<float>({1, 2}, {1e4F, -1e4F}));
      const Tensor value = loss(far, Tensor::from<int32_t>({1}, {label}));
      EXPECT_TRUE(std::isfinite(value.item())) << name;
      backward(value);
      for (double g : grad(far).to_doubles()) EXPECT_TRUE(std::isfinite(g)) << name;
    }
  const Tensor right = require_grad(Tensor::from<float>({1, 2}, {1e4F, -1e4F}));
  const Tensor loss = focal_loss(right, Tensor::from<int32_t>({1}, {0}), {.gamma = .5});
  EXPECT_EQ(loss.item(), 0);
  backward(loss);
  expect_near(grad(right), {0, 0}, 0);
}

// F.binary_cross_entropy_with_logits(z, [0, 1, 0, 1], pos_weight=...)
TEST(BinaryCrossEntropy, Values) {
  const Tensor labels = Tensor::from<int32_t>({4}, {0, 1, 0, 1});
  Tensor z = leaf({4, 1}, {2, -.5, -30, 3});
  Tensor y = binary_cross_entropy_with_logits(z, labels);
  EXPECT_NEAR(y.item(), 0.7873980866992285, 1e-12);
  backward(y);
  expect_near(grad(z), {0.22019926949447058, -0.15561483280046365, 2.3394057422098247e-14,
                        -0.011856468294391659});
  EXPECT_GT(grad(z).to_doubles()[2], 2.339e-14);
  z = leaf({4, 1}, {2, -.5, -30, 3});
  y = binary_cross_entropy_with_logits(z, labels, {.pos_weight = vec({3})});
  EXPECT_NEAR(y.item(), 1.298730254576153, 1e-12);
  backward(y);
  expect_near(grad(z), {0.22019926949447058, -0.466844498401391, 2.3394057422098247e-14,
                        -0.03556940488317495});
}

TEST(BinaryCrossEntropy, IgnoresAndStaysFinite) {
  const Tensor z = leaf({1, 4}, {nan, 800, -800, 0});
  const Tensor y =
      binary_cross_entropy_with_logits(z, Tensor::from<int32_t>({1, 4}, {255, 0, 1, 1}));
  EXPECT_NEAR(y.item(), (800 + 800 + std::log(2)) / 3, 1e-12);
  backward(y);
  expect_near(grad(z), {0, 1.0 / 3, -1.0 / 3, -0.5 / 3});
  const Tensor none = leaf({2, 1}, {1, 2});
  const Tensor zero = binary_cross_entropy_with_logits(none, Tensor::full({2}, 255, Dtype::i32));
  EXPECT_EQ(zero.item(), 0);
  backward(zero);
  expect_near(grad(none), {0, 0}, 0);
  const Tensor odd = leaf({1, 1}, {nan});
  const Tensor bad = binary_cross_entropy_with_logits(odd, Tensor::zeros({1}, Dtype::i32));
  EXPECT_TRUE(std::isnan(bad.item()));
  backward(bad);
  EXPECT_TRUE(std::isnan(grad(odd).item()));
}

// F.mse_loss([1, 2, 3], [0, 4, 3.5])
TEST(Mse, Values) { EXPECT_DOUBLE_EQ(mse(vec({1, 2, 3}), vec({0, 4, 3.5})).item(), 1.75); }

// F.l1_loss([1, 2, 3], [0, 4, 3])
TEST(L1, Values) {
  const Tensor x = leaf({3}, {1, 2, 3});
  const Tensor y = l1(x, vec({0, 4, 3}));
  EXPECT_DOUBLE_EQ(y.item(), 1);
  backward(y);
  expect_near(grad(x), {1.0 / 3, -1.0 / 3, 0});
}

// 1 CE + 0.4 CE of uniform logits of 4 classes, whatever their size
TEST(DeepSupervision, WeighsItsOutputs) {
  const Tensor labels = Tensor::zeros({1, 8, 8}, Dtype::i32);
  const Tensor main = leaf({1, 8, 8, 4}, std::vector<double>(256, 1.5));
  const Tensor aux = leaf({1, 1, 1, 4}, {2, 2, 2, 2});
  const Tensor loss =
      deep_supervision({{1, main}, {0.4, aux}}, labels,
                       [](const Tensor& z, const Tensor& l) { return cross_entropy(z, l); });
  EXPECT_NEAR(loss.item(), 1.4 * std::log(4), 1e-12);
  backward(loss);
  expect_near(grad(aux), {-0.3, 0.1, 0.1, 0.1});
}

}  // namespace
}  // namespace pixelgrad
