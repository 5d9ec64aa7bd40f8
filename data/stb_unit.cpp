#include "data/stb_unit.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "data/image_io.h"
#include "tensor/check.h"

namespace {

/// Bytes that the decoder on this thread may still take.
thread_local int64_t budget_left = 0;

/// Stands before each block; keeps malloc's alignment.
struct alignas(16) BlockHeader {
  int64_t bytes;
};

void* budgeted_malloc(size_t size) {
  const auto bytes = static_cast<int64_t>(size);
  if (bytes < 0 || bytes > budget_left) return nullptr;
  void* block = std::calloc(1, sizeof(BlockHeader) + size);
  if (block == nullptr) return nullptr;
  budget_left -= bytes;
  static_cast<BlockHeader*>(block)->bytes = bytes;
  return static_cast<BlockHeader*>(block) + 1;
}

void budgeted_free(void* p) {
  if (p == nullptr) return;
  BlockHeader* block = static_cast<BlockHeader*>(p) - 1;
  budget_left += block->bytes;
  std::free(block);
}

void* budgeted_realloc(void* p, size_t old_size, size_t new_size) {
  void* q = budgeted_malloc(new_size);
  if (q == nullptr) return nullptr;
  if (p != nullptr) std::memcpy(q, p, std::min(old_size, new_size));
  budgeted_free(p);
  return q;
}

}  // namespace

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#define STBI_ONLY_JPEG
#define STBI_NO_STDIO
#define STBI_MAX_DIMENSIONS 32768
#define STBI_ASSERT(x) ((void)(x))
#define STBI_MALLOC(size) budgeted_malloc(size)
#define STBI_REALLOC_SIZED(p, old_size, new_size) budgeted_realloc(p, old_size, new_size)
#define STBI_FREE(p) budgeted_free(p)
#include <stb/stb_image.h>

#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STB_IMAGE_WRITE_STATIC
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>

namespace pixelgrad {
static_assert(STBI_MAX_DIMENSIONS == max_image_side);

Image decode_with_stb(std::span<const uint8_t> bytes, int64_t memory_budget,
                      const std::string& name) {
  budget_left = memory_budget;
  int width = 0, height = 0, channels_in_file = 0;
  stbi_uc* pixels = stbi_load_from_memory(bytes.data(), static_cast<int>(bytes.size()), &width,
                                          &height, &channels_in_file, 3);
  check<DataError>(pixels != nullptr, "[read_image] ", name,
                   ": cannot be decoded: ", stbi_failure_reason());
  Image image(height, width, 3);
  std::memcpy(image.pixels.data(), pixels, image.pixels.size());
  stbi_image_free(pixels);
  return image;
}

std::vector<uint8_t> encode_jpeg_with_stb(const Image& image, int quality) {
  std::vector<uint8_t> bytes;
  const auto append = [](void* context, void* data, int size) {
    const auto* from = static_cast<const uint8_t*>(data);
    static_cast<std::vector<uint8_t>*>(context)->insert(
        static_cast<std::vector<uint8_t>*>(context)->end(), from, from + size);
  };
  const int ok = stbi_write_jpg_to_func(
      append, &bytes, static_cast<int>(image.width), static_cast<int>(image.height),
      static_cast<int>(image.channels), image.pixels.data(), quality);
  check<DataError>(ok != 0, "[write_jpeg] cannot encode ", image.width, " x ", image.height,
                   " pixels of ", image.channels, " channels");
  return bytes;
}

}  // namespace pixelgrad
