#include "optim/clip.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tensor/parallel.h"
#include "tensor/random.h"

namespace pixelgrad {
namespace {

using testing::DoubleNear;
using testing::ElementsAre;

std::vector<Tensor> gradients() {
  return {Tensor::from<double>({2}, {3, 4}), Tensor(), Tensor::from<double>({2, 2}, {1, 2, 2, -4})};
}

TEST(ClipGradientNorm, ScalesToTheNormAsPyTorchDoes) {
  std::vector<Tensor> g = gradients();
  EXPECT_NEAR(clip_gradient_norm(g, 2.0), 7.0710678118654755, 1e-14);
  // torch.nn.utils.clip_grad_norm_, float64
  EXPECT_THAT(g[0].to_doubles(), ElementsAre(DoubleNear(0.8485280174238738, 1e-14),
                                             DoubleNear(1.1313706898984985, 1e-14)));
  EXPECT_THAT(
      g[2].to_doubles(),
      ElementsAre(DoubleNear(0.28284267247462463, 1e-14), DoubleNear(0.5656853449492493, 1e-14),
                  DoubleNear(0.5656853449492493, 1e-14), DoubleNear(-1.1313706898984985, 1e-14)));
}

TEST(ClipGradientNorm, LeavesASmallNormAlone) {
  std::vector<Tensor> g = gradients();
  EXPECT_NEAR(clip_gradient_norm(g, 8.0), std::sqrt(50.0), 1e-14);
  EXPECT_THAT(g[0].to_doubles(), ElementsAre(3, 4));
}

TEST(ClipGradientNorm, ReportsANormThatIsNotFiniteAndChangesNothing) {
  std::vector<Tensor> g = gradients();
  g.push_back(Tensor::full({1}, std::numeric_limits<double>::infinity(), Dtype::f64));
  EXPECT_EQ(clip_gradient_norm(g, 1.0), std::numeric_limits<double>::infinity());
  EXPECT_THAT(g[0].to_doubles(), ElementsAre(3, 4));
}

TEST(ClipGradientNorm, NothingHasNormZero) {
  std::vector<Tensor> none(2);
  EXPECT_EQ(clip_gradient_norm(none, 1.0), 0);
}

TEST(ClipGradientNorm, RefusesBadArguments) {
  std::vector<Tensor> g = gradients();
  EXPECT_THROW(clip_gradient_norm(g, 0), UsageError);
  g.push_back(Tensor::zeros({1}, Dtype::f32));
  EXPECT_THROW(clip_gradient_norm(g, 1), Error);
}

TEST(GradientNorm, CountsEveryElementOnceWithTheSameBitsForAnyThreads) {
  std::vector<Tensor> g;
  double squares = 0;
  for (const int64_t n : {1, 15, 16, 17, 0, 100000, 3, 32768}) {
    g.push_back(Tensor::empty({n}, Dtype::f32));
    fill_normal(g.back(), {.seed = 3, .stream = static_cast<uint64_t>(n)}, 0, 1);
    for (const double v : g.back().to_doubles()) squares += v * v;
  }
  const int threads = num_threads();
  set_num_threads(1);
  const double one = gradient_norm(g);
  set_num_threads(3);
  const double three = gradient_norm(g);
  set_num_threads(threads);
  EXPECT_EQ(one, three);
  EXPECT_NEAR(one, std::sqrt(squares), 1e-10 * one);
}

}  // namespace
}  // namespace pixelgrad
