#include "data/readers/layout.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <map>
#include <utility>

#include "data/image_io.h"
#include "data/split.h"
#include "tensor/check.h"
#include "tensor/parallel.h"

namespace pixelgrad::readers {
namespace {

namespace fs = std::filesystem;

constexpr const char* beside_suffix = "_L";

/// What follows a split's name in the name of its folder of masks; "" in other layouts.
std::string mask_folder_suffix(Layout::Kind kind) {
  if (kind == Layout::Kind::annot) return "annot";
  return kind == Layout::Kind::labels ? "_labels" : "";
}

std::string lower_extension(const fs::path& file) {
  std::string extension = file.extension().string();
  for (char& c : extension) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return extension;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

/// Compares names with runs of digits as numbers, so that frame 2 comes before frame 10.
bool natural_less(const std::string& a, const std::string& b) {
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    if (is_digit(a[i]) && is_digit(b[j])) {
      const auto number = [](const std::string& s, size_t& at) {
        const size_t first = std::min(s.find_first_not_of('0', at), s.size());
        at = first;
        while (at < s.size() && is_digit(s[at])) ++at;
        return s.substr(first, at - first);
      };
      const std::string m = number(a, i), n = number(b, j);
      if (m.size() != n.size()) return m.size() < n.size();
      if (m != n) return m < n;
    } else {
      if (a[i] != b[j]) return a[i] < b[j];
      ++i, ++j;
    }
  }
  if (i < a.size() || j < b.size()) return j < b.size();
  return a < b;  // only leading zeros differ
}

/// The two folders of the layout `folders` in `parent`, if both are there.
std::optional<std::pair<fs::path, fs::path>> image_and_mask_folder(const fs::path& parent) {
  constexpr std::array<std::pair<const char*, const char*>, 5> names = {
      {{"images", "masks"},
       {"images", "mask"},
       {"image", "masks"},
       {"image", "mask"},
       {"701_StillsRaw_full", "LabeledApproved_full"}}};
  for (const auto& [images, masks] : names)
    if (fs::is_directory(parent / images) && fs::is_directory(parent / masks))
      return std::pair{parent / images, parent / masks};
  return std::nullopt;
}

bool is_beside_mask(const fs::path& file) { return file.stem().string().ends_with(beside_suffix); }

bool has_layout(const fs::path& parent, Layout::Kind kind) {
  if (kind == Layout::Kind::folders) return image_and_mask_folder(parent).has_value();
  const std::vector<fs::path> files = image_files(parent);
  return kind == Layout::Kind::beside && std::any_of(files.begin(), files.end(), is_beside_mask);
}

/// "a" or "a and 3 more"; `names` is not empty.
std::string first_and_count(const std::vector<std::string>& names) {
  return names.size() == 1 ? names[0] : str(names[0], " and ", names.size() - 1, " more");
}

/// Matches images to masks by the stem of the image; `suffixes` may follow it in the mask's name.
Pairing match(const fs::path& where, const std::vector<fs::path>& images,
              const std::vector<fs::path>& masks, const std::vector<std::string>& suffixes) {
  check<DataError>(!images.empty(), "[dataset] ", where.string(),
                   ": no images, expected PNG or JPEG files");
  std::map<std::string, fs::path> by_stem;
  for (const fs::path& mask : masks) {
    const auto [entry, added] = by_stem.emplace(mask.stem().string(), mask);
    check<DataError>(added, "[dataset] ", mask.string(), ": a second mask named like ",
                     entry->second.filename().string());
  }
  Pairing result;
  std::vector<std::string> lonely;
  std::string last_stem;
  for (const fs::path& image : images) {
    const std::string stem = image.stem().string();
    check<DataError>(result.pairs.empty() || stem != last_stem, "[dataset] ", image.string(),
                     ": a second image named like ",
                     result.pairs.empty() ? "" : result.pairs.back().image.filename().string());
    const auto suffix = std::find_if(suffixes.begin(), suffixes.end(), [&](const std::string& s) {
      return by_stem.contains(stem + s);
    });
    if (suffix == suffixes.end()) {
      lonely.push_back(image.string());
      continue;
    }
    const auto mask = by_stem.find(stem + *suffix);
    check<DataError>(lower_extension(mask->second) == ".png", "[dataset] ", mask->second.string(),
                     ": a mask must be PNG, for JPEG changes ids and colours");
    result.pairs.push_back({image, mask->second});
    by_stem.erase(mask);
    last_stem = stem;
  }
  check_none_lonely(
      lonely, "a PNG mask of the same name" +
                  (suffixes.back().empty() ? "" : " or with " + suffixes.back() + " after it"));
  for (const auto& [stem, mask] : by_stem)
    result.warnings.push_back(str("mask without image: ", mask.string()));
  return result;
}

Pairing pair_files(const Layout& layout, const fs::path& parent) {
  if (layout.kind == Layout::Kind::folders) {
    const auto folders = image_and_mask_folder(parent);
    check<DataError>(folders.has_value(), "[dataset] ", parent.string(),
                     ": expected the folders images and masks");
    return match(folders->first, image_files(folders->first), image_files(folders->second),
                 {"", beside_suffix, "_mask"});
  }
  if (const std::string suffix = mask_folder_suffix(layout.kind); !suffix.empty())
    return match(parent, image_files(parent), image_files(parent.string() + suffix),
                 layout.kind == Layout::Kind::annot ? std::vector<std::string>{""}
                                                    : std::vector<std::string>{"", beside_suffix});
  std::vector<fs::path> images, masks;
  for (const fs::path& file : image_files(parent))
    (is_beside_mask(file) ? masks : images).push_back(file);
  return match(parent, images, masks, {beside_suffix});
}

}  // namespace

void check_sizes(const std::vector<FilePair>& pairs) {
  std::vector<std::string> problems(pairs.size());
  parallel_for(static_cast<int64_t>(pairs.size()), [&](int64_t i) {
    const FilePair& p = pairs[static_cast<size_t>(i)];
    const ImageSize image = image_size(p.image), mask = image_size(p.mask);
    if (image != mask)
      problems[static_cast<size_t>(i)] =
          str(p.mask.string(), " is ", mask.width, "x", mask.height, ", its image ",
              p.image.filename().string(), " is ", image.width, "x", image.height);
  });
  std::erase(problems, "");
  if (!problems.empty())
    throw DataError(str("[dataset] sizes differ: ", first_and_count(problems)));
}

void check_none_lonely(const std::vector<std::string>& lonely, const std::string& expected) {
  if (!lonely.empty())
    throw DataError(
        str("[dataset] image without mask: ", first_and_count(lonely), "; expected ", expected));
}

std::string choose_labels(const DatasetOptions& options, const std::string& format,
                          const std::vector<std::string>& known) {
  if (options.labels.empty()) return known.empty() ? "" : known[0];
  check<UsageError>(std::find(known.begin(), known.end(), options.labels) != known.end(),
                    "[dataset] labels \"", options.labels, "\" for format ", format, ", expected ",
                    known.empty() ? "none: it has classes of its own" : list_of(known));
  return options.labels;
}

std::vector<std::string> chosen_splits(const fs::path& root, const std::vector<std::string>& splits,
                                       const std::string& split) {
  if (split == "all") return splits;
  check<DataError>(std::find(splits.begin(), splits.end(), split) != splits.end(), "[dataset] ",
                   root.string(), " has no split \"", split, "\", found ", list_of(splits));
  return {split};
}

std::vector<fs::path> image_files(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string extension = lower_extension(entry.path());
    const bool image = extension == ".png" || extension == ".jpg" || extension == ".jpeg";
    if (image && entry.path().filename().string()[0] != '.' && entry.is_regular_file())
      files.push_back(entry.path());
  }
  check<DataError>(!error, "[dataset] ", folder.string(), ": ", error.message());
  std::sort(files.begin(), files.end(), [](const fs::path& a, const fs::path& b) {
    return natural_less(a.filename().string(), b.filename().string());
  });
  return files;
}

std::vector<std::string> subfolders(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && name[0] != '.') names.push_back(name);
  }
  check<DataError>(!error, "[dataset] ", folder.string(), ": ", error.message());
  std::sort(names.begin(), names.end());
  return names;
}

std::string list_of(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

std::optional<Layout> find_layout(const fs::path& root, Layout::Kind kind) {
  Layout layout{.kind = kind};
  if (has_layout(root, kind)) return layout;
  const std::string suffix = mask_folder_suffix(kind);
  for (const std::string& name : subfolders(root))
    if (suffix.empty() ? has_layout(root / name, kind) : fs::is_directory(root / (name + suffix)))
      layout.splits.push_back(name);
  if (layout.splits.empty()) return std::nullopt;
  return layout;
}

Pairing collect(const Layout& layout, const DatasetOptions& options) {
  Pairing result;
  if (layout.splits.empty()) {
    result = pair_files(layout, options.path);
    std::vector<FilePair> chosen;
    for (const int64_t i : split_indices(parse_split_rule(options.split_rule), options.split,
                                         static_cast<int64_t>(result.pairs.size())))
      chosen.push_back(result.pairs[static_cast<size_t>(i)]);
    result.pairs = std::move(chosen);
  } else {
    for (const std::string& split : chosen_splits(options.path, layout.splits, options.split)) {
      Pairing part = pair_files(layout, options.path / split);
      result.pairs.insert(result.pairs.end(), part.pairs.begin(), part.pairs.end());
      result.warnings.insert(result.warnings.end(), part.warnings.begin(), part.warnings.end());
    }
  }
  check_sizes(result.pairs);
  return result;
}

}  // namespace pixelgrad::readers
