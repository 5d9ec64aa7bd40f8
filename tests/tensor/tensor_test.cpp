#include "tensor/tensor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "tensor/dispatch.h"

namespace pixelgrad {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(Shape, CountsAndPrints) {
  EXPECT_EQ(numel({2, 3, 4}), 24);
  EXPECT_EQ(numel({}), 1);
  EXPECT_EQ(numel({5, 0, 3}), 0);
  EXPECT_EQ(to_string({2, 32, 32, 5}), "[2,32,32,5]");
  EXPECT_EQ(to_string({}), "[]");
  EXPECT_THAT([] { numel({3, -1}); }, ThrowsMessage<Error>(HasSubstr("negative size in [3,-1]")));
  EXPECT_THAT(
      [] {
        numel({int64_t{1} << 40, int64_t{1} << 40});
      },
      ThrowsMessage<Error>(HasSubstr("too many elements")));
  // 2^61 elements exist, but not 2^64 bytes of them
  EXPECT_THAT([] { Tensor::empty({int64_t{1} << 61}, Dtype::f64); },
              ThrowsMessage<Error>(HasSubstr("is too large")));
}

TEST(Tensor, MakersFill) {
  EXPECT_THAT(Tensor::zeros({2, 1}, Dtype::u8).to_doubles(), ElementsAre(0, 0));
  EXPECT_THAT(Tensor::full({3}, -2, Dtype::i32).to_doubles(), ElementsAre(-2, -2, -2));
  EXPECT_EQ(Tensor::scalar(2.5, Dtype::f32).item(), 2.5);
  EXPECT_THAT(Tensor::from<int64_t>({2}, {7, 8}).to_doubles(), ElementsAre(7, 8));
  EXPECT_THAT(
      [] {
        Tensor::from<float>({3}, {1, 2});
      },
      ThrowsMessage<Error>(HasSubstr("got 2 values for shape [3]")));
}

#ifndef NDEBUG
TEST(Tensor, EmptyIsNanInDebugBuilds) {
  EXPECT_TRUE(std::isnan(Tensor::empty({3}, Dtype::f32).to_doubles()[2]));
}
#endif

TEST(Tensor, SizesCountFromTheBackToo) {
  const Tensor x = Tensor::zeros({2, 3, 4, 5}, Dtype::f32);
  EXPECT_EQ(x.shape(1), 3);
  EXPECT_EQ(x.shape(-1), 5);
  EXPECT_EQ(x.dims(), 4);
  EXPECT_EQ(x.bytes(), 480U);
  EXPECT_THAT([&] { x.shape(4); },
              ThrowsMessage<Error>(HasSubstr("dimension 4 of a tensor [2,3,4,5]")));
  EXPECT_THROW(x.shape(-5), Error);
}

TEST(Tensor, HandlesShareAndClonesDoNot) {
  Tensor x = Tensor::zeros({2}, Dtype::f32);
  Tensor handle = x, copy = x.clone(), view = x.view({1, 2});
  handle.fill(3);
  EXPECT_THAT(x.to_doubles(), ElementsAre(3, 3));
  EXPECT_THAT(view.to_doubles(), ElementsAre(3, 3));
  EXPECT_THAT(copy.to_doubles(), ElementsAre(0, 0));
  EXPECT_TRUE(handle.same_as(x));
  EXPECT_FALSE(view.same_as(x));
  EXPECT_THAT([&] { x.view({3}); },
              ThrowsMessage<Error>(HasSubstr("a tensor [2] cannot be seen as [3]")));
}

TEST(Tensor, WritingCountsVersionsAndReadingDoesNot) {
  Tensor x = Tensor::zeros({2}, Dtype::f32);
  const uint64_t version = x.storage()->version;
  x.data<float>();
  x.to_doubles();
  x.clone();
  EXPECT_EQ(x.storage()->version, version);
  x.mutable_data<float>();
  EXPECT_GT(x.storage()->version, version);
  const uint64_t after = x.storage()->version;
  x.view({2, 1}).fill(1);
  EXPECT_GT(x.storage()->version, after);
}

TEST(Tensor, ConvertsBetweenTypes) {
  const Tensor x = Tensor::from<double>({3}, {1.75, -2.25, 300});
  EXPECT_THAT(x.to(Dtype::i32).to_doubles(), ElementsAre(1, -2, 300));
  EXPECT_THAT(x.to(Dtype::f32).to_doubles(), ElementsAre(1.75, -2.25, 300));
  EXPECT_TRUE(x.to(Dtype::f64).same_as(x));
}

TEST(Tensor, CopiesFromAnother) {
  Tensor x = Tensor::zeros({2}, Dtype::f32);
  x.copy_from(Tensor::from<float>({2}, {4, 5}));
  EXPECT_THAT(x.to_doubles(), ElementsAre(4, 5));
  EXPECT_THAT([&] { x.copy_from(Tensor::zeros({2}, Dtype::f64)); },
              ThrowsMessage<Error>(HasSubstr("got [2] of f64, expected [2] of f32")));
  EXPECT_THROW(x.copy_from(Tensor::zeros({3}, Dtype::f32)), Error);
}

TEST(Tensor, MistakesAreNamed) {
  const Tensor undefined, x = Tensor::zeros({2}, Dtype::f32);
  EXPECT_THAT([&] { undefined.shape(); },
              ThrowsMessage<Error>(HasSubstr("the tensor is undefined")));
  EXPECT_THAT([&] { x.data<double>(); },
              ThrowsMessage<Error>(HasSubstr("the tensor holds f32, asked for f64")));
  EXPECT_THAT([&] { x.item(); }, ThrowsMessage<Error>(HasSubstr("item() of a tensor [2]")));
}

TEST(Dispatch, PicksTheType) {
  const auto size = [](const Tensor& x) {
    return dispatch_all(x, []<Device, class T>() { return sizeof(T); });
  };
  for (Dtype t : {Dtype::f32, Dtype::f64, Dtype::u8, Dtype::i32, Dtype::i64})
    EXPECT_EQ(size(Tensor::zeros({1}, t)), size_of(t));
  EXPECT_THAT([] { dispatch(Tensor::zeros({1}, Dtype::u8), []<Device, class T>() {}); },
              ThrowsMessage<Error>(HasSubstr("expected a tensor of f32 or f64, got u8")));
}

TEST(Dispatch, RunsNothingInADryRun) {
  const Tensor x = Tensor::zeros({1}, Dtype::f32);
  int calls = 0;
  const auto call = [&] { return dispatch(x, [&]<Device, class T>() { return ++calls; }); };
  {
    const DryRun outer;
    {
      const DryRun inner;
      EXPECT_EQ(call(), 0);
    }
    EXPECT_TRUE(DryRun::on());
    EXPECT_EQ(call(), 0);
    EXPECT_THAT([] { dispatch(Tensor::zeros({1}, Dtype::u8), []<Device, class T>() {}); },
                ThrowsMessage<Error>(HasSubstr("expected a tensor of f32 or f64, got u8")));
  }
  EXPECT_FALSE(DryRun::on());
  EXPECT_EQ(call(), 1);
}

}  // namespace
}  // namespace pixelgrad
