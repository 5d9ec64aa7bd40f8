#pragma once
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string_view>
#include <vector>

namespace pixelgrad {

/// The bytes of a file. Throws DataError naming the file when it cannot be read, is not a regular
/// file, or has more than `max_bytes`.
std::vector<uint8_t> read_file(const std::filesystem::path& path, int64_t max_bytes);

/// Replaces the file at `path`: a reader sees the old file or the new one, never a part, even after
/// a crash (AtomicFile). Throws DataError naming the file.
void write_file(const std::filesystem::path& path, std::span<const uint8_t> bytes);
void write_file(const std::filesystem::path& path, std::string_view text);

/// Makes `folder` appear whole: `fill` gets a temporary sibling folder to write into, which is
/// renamed at the end and removed when `fill` throws. Throws DataError when `folder` exists and is
/// not an empty folder.
void write_folder(const std::filesystem::path& folder,
                  const std::function<void(const std::filesystem::path&)>& fill);

}  // namespace pixelgrad
