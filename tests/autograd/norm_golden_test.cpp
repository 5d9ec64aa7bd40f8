// Numbers of PyTorch 2 in f64 (the call stands above each), or by hand: batch, group, instance and
// layer norm.
#include <gtest/gtest.h>

#include <cmath>

#include "autograd/ops/batch_norm.h"
#include "autograd/ops/group_norm.h"
#include "tests/autograd/golden.h"

namespace pixelgrad {
namespace {

// F.batch_norm(x.view(4, 1), zeros(1), ones(1), training=True).backward([1, -2, .5, 3])
TEST(BatchNorm, Training) {
  const Tensor x = leaf({4, 1}, {1, 2, 3, 6});
  Tensor mean = vec({0}), variance = vec({1});
  const Tensor y = batch_norm(x, {}, {}, mean, variance);
  expect_near(y, {-1.0690434404458737, -0.5345217202229369, 0, 1.6035651606688102});
  expect_near(mean, {0.3});
  expect_near(variance, {1.3666666666666667});
  backward(y, Tensor::from<double>({4, 1}, {1, -2, .5, 3}));
  expect_near(grad(x),
              {0.8876858932552396, -1.0594993914993898, -0.0668152150278671, 0.23862871327201726});
}

// F.batch_norm([[5, -3]], [1, 2], [4, 9], [2, 3], [.5, -.5], training=False)
TEST(BatchNorm, Evaluation) {
  Tensor mean = vec({1, 2}), variance = vec({4, 9});
  const Tensor y = batch_norm(Tensor::from<double>({1, 2}, {5, -3}), vec({2, 3}), vec({.5, -.5}),
                              mean, variance, {.training = false});
  expect_near(y, {4.499995000009375, -5.499997222224537});
  expect_near(mean, {1, 2}, 0);
  expect_near(variance, {4, 9}, 0);
}

// One value a channel has variance 0: y is beta, and the running variance moves towards 0.
TEST(BatchNorm, OfOneValue) {
  const Tensor x = leaf({1, 1, 1, 2}, {7, -3});
  Tensor mean = vec({0, 0}), variance = vec({1, 1});
  const Tensor y = batch_norm(x, vec({2, 2}), vec({.5, -1}), mean, variance);
  expect_near(y, {.5, -1}, 0);
  expect_near(mean, {0.7, -0.3});
  expect_near(variance, {0.9, 0.9});
  backward(y, Tensor::from<double>({1, 1, 1, 2}, {3, 4}));
  expect_near(grad(x), {0, 0}, 0);
}

// A mean of 1000 with a deviation near 1: sums of squares in f32 would have no digit left.
TEST(BatchNorm, KeepsDigitsBesideALargeMean) {
  std::vector<float> values;
  for (int i = 0; i < 100000; ++i) values.push_back(1000 + (i % 2 ? 1.0F : -1.0F));
  Tensor mean = Tensor::zeros({1}, Dtype::f32), variance = Tensor::zeros({1}, Dtype::f32);
  const Tensor y = batch_norm(Tensor::from({100000, 1}, values), {}, {}, mean, variance,
                              {.momentum = 1, .eps = 0});
  EXPECT_FLOAT_EQ(static_cast<float>(mean.item()), 1000);
  EXPECT_FLOAT_EQ(static_cast<float>(variance.item()), 100000.0F / 99999);
  EXPECT_EQ(y.data<float>()[0], -1);
  EXPECT_EQ(y.data<float>()[99999], 1);
}

// The sixteen values and cotangents of the tests below.
const std::vector<double> x16 = {1, 2, 3, 6, -1, 0, 2, 5, 4, 1, 0, -2, 3, 3, 1, 7};
const std::vector<double> dy16 = {1, -2, .5, 3, 2, -1, 0, 1, -1, 1, 2, -3, .5, .25, -2, 1};

// F.batch_norm(x, mean, variance, gamma, beta, training=False), x [2,4,2,1] in PyTorch's order:
// frozen statistics have gradients for x, gamma and beta, and stay as they are.
TEST(BatchNorm, Frozen) {
  const Tensor x = leaf({2, 2, 1, 4}, x16), gamma = leaf({4}, {1, 2, -1, .5});
  const Tensor beta = leaf({4}, {0, .5, 1, -1});
  Tensor mean = vec({1, 0, -1, 2}), variance = vec({4, 1, 2, .25});
  const Tensor y = batch_norm(x, gamma, beta, mean, variance, {.training = false});
  expect_near(y, {0, 4.499980000149999, -1.8284200537048947, 2.9999200023999197,
                  -0.9999987500023437, 0.5, -1.1213150402786711, 1.9999400017999398,
                  1.4999981250035157, 2.4999900000749995, 0.29289498657377633, -4.99992000239992,
                  0.9999987500023437, 6.499970000224998, -0.41421002685244734, 3.9999000029998997});
  backward(y, Tensor::from(x.shape(), dy16));
  expect_near(grad(x),
              {0.49999937500117186, -3.999980000149999, -0.35355250671311184, 2.99994000179994,
               0.9999987500023437, -1.9999900000749995, 0, 0.9999800005999799, -0.49999937500117186,
               1.9999900000749995, -1.4142100268524473, -2.99994000179994, 0.24999968750058593,
               0.4999975000187499, 1.4142100268524473, 0.9999800005999799});
  expect_near(grad(gamma), {-2.9999962500070314, -2.2499887500843743, 0, 63.998720038398716});
  expect_near(grad(beta), {2.5, -1.75, .5, 2});
  expect_near(mean, {1, 0, -1, 2}, 0);
  expect_near(variance, {4, 1, 2, .25}, 0);
}

// The old momentum times 1 - momentum: half way to the batch's 3 and 14 / 3 (unbiased).
TEST(BatchNorm, MovesRunningStatisticsByMomentum) {
  Tensor mean = vec({1}), variance = vec({2});
  batch_norm(Tensor::from<double>({4, 1}, {1, 2, 3, 6}), {}, {}, mean, variance, {.momentum = .25});
  expect_near(mean, {0.75 * 1 + 0.25 * 3});
  expect_near(variance, {0.75 * 2 + 0.25 * 14 / 3});
}

// F.group_norm(x, 2, gamma, beta)
TEST(GroupNorm, TwoGroups) {
  const Tensor x = leaf({2, 2, 1, 4}, x16), gamma = leaf({4}, {1, 2, -1, .5});
  const Tensor y = group_norm(x, gamma, vec({0, .5, 1, -1}), {.groups = 2});
  expect_near(y, {0.447211806656309, 3.1832708399378538, 1.6324542671264064, -0.36754573287359327,
                  -1.3416354199689269, -0.394423613312618, 2.264908534252813, -0.6837728664367966,
                  1.1470738395783893, -2.7118067508194894, 1.4472133967384924, -1.5217489628615746,
                  0.22941476791567794, 0.9588295358313559, 1.149071132246164, -0.1801087726460972});
  backward(y, Tensor::from(x.shape(), dy16));
  expect_near(grad(x),
              {2.236053666782797, -0.8944397128088617, -0.30041678880782285, 0.2055496606616415,
               0.4472279061525526, -1.7888418601264882, 0.2687910396831633, -0.17392391153698217,
               -0.2897962263556444, -0.14488072609972447, -0.4223682963691686, -0.14078960879979663,
               0.21733847622768465, 0.21733847622768465, 0.7039469839385406, -0.1407890787695753});
  expect_near(grad(gamma),
              {-3.2684254889020954, -3.7846087167123703, -0.9125116625478598, 9.197456101762098});
}

// F.instance_norm(x, weight=gamma, bias=beta), x [2,2,4,1] in PyTorch's order
TEST(InstanceNorm, TwoChannels) {
  const Tensor x = leaf({2, 4, 1, 2}, x16), gamma = leaf({2}, {1, 2});
  const Tensor y = instance_norm(x, gamma, vec({0, .5}));
  expect_near(y, {-0.16903046459079718, -0.5482839151540464, 1.1832132521355805, 2.8062246133389017,
                  -1.5212741813171748, -2.2255381794005205, 0.5070913937723917, 1.9675974812156647,
                  1.264908534252813, -0.26471875513879595, -1.264908534252813, -2.1000437674719064,
                  0.6324542671264065, 0.9588312530832777, -0.6324542671264065, 3.405931269527425});
  backward(y, Tensor::from(x.shape(), dy16));
  expect_near(grad(x),
              {0.009659225889789137, -1.1611773051090837, 0.2704463479530705, 0.7096103805688626,
               0.08693303300810222, 0.8386238144832728, -0.36703860685096185, -0.3870568899430517,
               -0.11068126761198566, 1.0205191396307702, 0.9012491015199938, -0.7208937034159836,
               0.616642025015814, 0.09122977094923024, -1.4072098589238224, -0.3908552071640168});
  expect_near(grad(gamma), {-4.833562136099779, 11.632214480508075});
}

// F.layer_norm(x, (4,), gamma, beta)
TEST(LayerNorm, OverChannels) {
  const Tensor x = leaf({2, 2, 1, 4}, x16), gamma = leaf({4}, {1, 2, -1, .5});
  const Tensor y = layer_norm(x, gamma, vec({0, .5, 1, -1}));
  expect_near(
      y, {-1.0690434404458735, -0.5690434404458735, 1, -0.1982174196655948, -1.0910884120486357,
          -0.8093060944583628, 0.7817823175902728, -0.23623811156595498, 1.5011090987108424,
          0.7309398613401297, 1.3464097920101943, -1.6350846186853565, -0.22941549238069692,
          0.041169015238606166, 2.1470774619034847, -0.19704577666756085});
  backward(y, Tensor::from(x.shape(), dy16));
  expect_near(grad(x),
              {1.2981227595694773, -1.6226559311627426, 0, 0.32453317159326556, 0.8053271860151797,
               -0.9352186240541186, -0.05195659599817237, 0.18184803403711122, -0.4033744667790088,
               1.1947289204376874, -0.5819685638913769, -0.20938588976730166, -0.21734089745691665,
               -0.21734089745691665, 0.2897884669995978, 0.1448933279142356});
  expect_near(grad(gamma),
              {-4.867037109444336, 1.7818125452499458, 1.6013353397865802, 11.754635417651539});
}

// F.layer_norm(x, (2, 2, 2), gamma, eps=.1)
TEST(LayerNorm, OverThreeDimensions) {
  const Tensor x = leaf({2, 2, 2, 2}, x16);
  const Tensor gamma = leaf({2, 2, 2}, {1, 2, -1, .5, 1, 1, 3, -2});
  const Tensor y = layer_norm(x, gamma, {}, {.dims = 3, .eps = .1});
  expect_near(y,
              {-0.5569323991926413, -0.22277295967705651, -0.3341594395155848, 0.8353985987889619,
               -1.4480242379008674, -1.0024783185467543, -0.3341594395155848, -2.4505025564476215,
               0.7238694347372387, -0.8686433216846865, 0.8203853593688706, -0.7962563782109626,
               0.3378057362107114, 0.3378057362107114, -1.3029649825270297, -3.7641210606336415});
  backward(y, Tensor::from(x.shape(), dy16));
  expect_near(grad(x),
              {0.546982242184733, -1.6282326370440943, -0.016307201762960688, 1.0323287895704791,
               0.8874987264553703, -0.3966243140652309, 0.1539510403723579, -0.5795966457106544,
               0.030928251582004074, 1.2747564391146642, -0.2409526576737525, 0.009170586224896526,
               0.6385694966894877, 0.5420535720578559, -1.8137531490975545, -0.4407725388976014});
  expect_near(grad(gamma),
              {-1.2808018339298801, -0.2115487011652868, -1.4736909989799487, 9.789929861999546,
               -2.7271456076963787, 1.0869297525994321, 0.8686433216846865, 3.1073118085406315});
}

// A group of one value has variance 0, and a sample does not depend on the others.
TEST(GroupNorm, OfOneValueIsBeta) {
  const Tensor x = leaf({1, 1, 1, 2}, {7, -3});
  const Tensor y = instance_norm(x, vec({2, 2}), vec({.5, -1}));
  expect_near(y, {.5, -1}, 0);
  backward(y, Tensor::from<double>({1, 1, 1, 2}, {3, 4}));
  expect_near(grad(x), {0, 0}, 0);
  expect_near(layer_norm(Tensor::from<double>({2, 1}, {7, -3}), {}, vec({.5})), {.5, .5}, 0);
}

// A mean of 1000 with a deviation of 1 in f32, along a group and down the positions.
TEST(GroupNorm, KeepsDigitsBesideALargeMean) {
  std::vector<float> values;
  for (int i = 0; i < 4096; ++i) values.push_back(1000 + (i / 2 % 2 ? 1.0F : -1.0F));
  for (const Shape& shape : {Shape{1, 1, 4096}, Shape{1, 2048, 2}}) {
    const Tensor x = Tensor::from(shape, values);
    for (double v : group_norm(x, {}, {}, {.groups = 1, .eps = 0}).to_doubles())
      ASSERT_EQ(std::abs(v), 1);
  }
}

}  // namespace
}  // namespace pixelgrad
