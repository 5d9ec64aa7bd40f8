// Files of torch.save against what PyTorch itself finds in them
// (tests/reference/make_weight_files.py).
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <map>

#include "models/safetensors.h"
#include "models/torch_writer.h"
#include "models/weight_file.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

namespace fs = std::filesystem;
using ::testing::ElementsAre;

const fs::path folder = fs::path(PIXELGRAD_FIXTURES) / "weights";

struct Case {
  std::string file, format;
  std::vector<std::string> unwrapped;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.file; }

/// What PyTorch found: name -> values.
std::map<std::string, Tensor> expected(const std::string& file) {
  std::map<std::string, Tensor> found;
  for (const NamedTensor& t : read_safetensors(folder / "expected.safetensors").tensors)
    if (t.name.starts_with(file + "/")) found.emplace(t.name.substr(file.size() + 1), t.tensor);
  return found;
}

class TorchFile : public ::testing::TestWithParam<Case> {};

TEST_P(TorchFile, HasWhatPyTorchFindsInIt) {
  const auto want = expected(GetParam().file);
  ASSERT_FALSE(want.empty());
  const auto file = open_weights(folder / GetParam().file);
  EXPECT_EQ(file->format(), GetParam().format);
  EXPECT_EQ(file->unwrapped(), GetParam().unwrapped);
  EXPECT_EQ(file->layout(), WeightLayout::pytorch);
  EXPECT_EQ(file->entries().size(), want.size());
  for (size_t i = 0; i < file->entries().size(); ++i) {
    const WeightEntry& e = file->entries()[i];
    ASSERT_TRUE(want.contains(e.name)) << e.name;
    const Tensor got = file->read(i);
    EXPECT_EQ(got.shape(), want.at(e.name).shape()) << e.name;
    EXPECT_EQ(got.shape(), e.shape);
    EXPECT_EQ(got.dtype(), dtype_in_memory(e.type));
    const std::vector<double> a = got.to_doubles(), b = want.at(e.name).to_doubles();
    ASSERT_EQ(a.size(), b.size()) << e.name;
    for (size_t k = 0; k < a.size(); ++k) {
      if (std::isnan(b[k])) {
        EXPECT_TRUE(std::isnan(a[k])) << e.name << '[' << k << ']';
        continue;
      }
      EXPECT_EQ(a[k], b[k]) << e.name << '[' << k << ']';
      EXPECT_EQ(std::signbit(a[k]), std::signbit(b[k])) << e.name << '[' << k << ']';
    }
  }
}

const std::vector<std::string> nothing;

INSTANTIATE_TEST_SUITE_P(
    Fixtures, TorchFile,
    ::testing::Values(Case{"zip_types.pth", "PyTorch zip", nothing},
                      Case{"zip_views.pth", "PyTorch zip", nothing},
                      Case{"zip_checkpoint.pth", "PyTorch zip", {"state_dict", "module."}},
                      Case{"zip_nested.pth", "PyTorch zip", {"model", "state_dict"}},
                      Case{"zip_parameters.pt", "PyTorch zip", {"ema"}},
                      Case{"legacy_types.pth", "PyTorch legacy", nothing},
                      Case{"legacy_views.pth", "PyTorch legacy", nothing},
                      Case{"legacy_checkpoint.pth", "PyTorch legacy", {"state_dict", "module."}},
                      Case{"legacy_nested.pth", "PyTorch legacy", {"model", "state_dict"}},
                      Case{"legacy_parameters.pt", "PyTorch legacy", {"ema"}},
                      Case{"deflated_views.pth", "PyTorch zip", nothing},
                      Case{"zip64_checkpoint.pth", "PyTorch zip", {"state_dict", "module."}},
                      Case{"without_crc.pth", "PyTorch zip", nothing},
                      Case{"unet.pth", "PyTorch zip", nothing}),
    [](const auto& info) {
      std::string name = info.param.file;
      std::replace(name.begin(), name.end(), '.', '_');
      return name;
    });

TEST(TorchFile, TensorsAreReadInAnyOrderAndAgain) {
  for (const char* name : {"zip_views.pth", "deflated_views.pth", "legacy_views.pth"}) {
    const auto file = open_weights(folder / name);
    for (size_t i = file->entries().size(); i > 0; --i)
      EXPECT_EQ(file->read(i - 1).to_doubles(),
                expected(name).at(file->entries()[i - 1].name).to_doubles());
  }
}

// PyTorch's own reading of such files was checked by hand: torch.load with weights_only=True.
TEST(TorchWriter, WritesWhatIsReadBack) {
  const testing::ScratchFolder scratch;
  std::vector<NamedTensor> tensors = {{"f32", Tensor::from<float>({2, 3}, {1, 2, 3, 4, 5, 6})},
                                      {"f64", Tensor::from<double>({2}, {1.0 / 3, -1e300})},
                                      {"u8", Tensor::from<uint8_t>({3}, {0, 128, 255})},
                                      {"i32", Tensor::from<int32_t>({1, 2, 1}, {-1, 1 << 30})},
                                      {"i64", Tensor::scalar(1e15, Dtype::i64)},
                                      {"empty", Tensor::zeros({0, 4}, Dtype::f32)}};
  write_torch_file(scratch / "a.pth", tensors);
  const auto file = open_weights(scratch / "a.pth");
  ASSERT_EQ(file->entries().size(), tensors.size());
  for (size_t i = 0; i < tensors.size(); ++i) {
    EXPECT_EQ(file->entries()[i].name, tensors[i].name);
    const Tensor got = file->read(i);
    EXPECT_EQ(got.dtype(), tensors[i].tensor.dtype());
    EXPECT_EQ(got.shape(), tensors[i].tensor.shape());
    EXPECT_EQ(got.to_doubles(), tensors[i].tensor.to_doubles());
  }
  const std::string bytes = testing::file_bytes(scratch / "a.pth");
  const float first[] = {1, 2, 3, 4, 5, 6};
  EXPECT_EQ(bytes.find(std::string(reinterpret_cast<const char*>(first), sizeof first)) % 64, 0u);

  tensors.push_back(tensors[0]);
  EXPECT_THROW(write_torch_file(scratch / "a.pth", tensors), CheckpointError);
  EXPECT_EQ(testing::file_bytes(scratch / "a.pth"), bytes);
}

TEST(WeightLayout, KernelsChangePlacesWithChannels) {
  // [2,3,1,2] in PyTorch's order: 100 o + 10 i + x.
  const Tensor oihw =
      Tensor::from<float>({2, 3, 1, 2}, {0, 1, 10, 11, 20, 21, 100, 101, 110, 111, 120, 121});
  const Tensor ohwi = to_layout(oihw, WeightLayout::pytorch, WeightLayout::pixelgrad);
  EXPECT_EQ(ohwi.shape(), (Shape{2, 1, 2, 3}));
  EXPECT_THAT(ohwi.to_doubles(), ElementsAre(0, 10, 20, 1, 11, 21, 100, 110, 120, 101, 111, 121));
  EXPECT_EQ(to_layout(ohwi, WeightLayout::pixelgrad, WeightLayout::pytorch).to_doubles(),
            oihw.to_doubles());
  const Tensor matrix = Tensor::from<float>({2, 2}, {1, 2, 3, 4});
  EXPECT_TRUE(to_layout(matrix, WeightLayout::pytorch, WeightLayout::pixelgrad).same_as(matrix));
}

}  // namespace
}  // namespace pixelgrad
