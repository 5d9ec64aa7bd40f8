#include "data/readers/cityscapes.h"

#include <set>
#include <utility>

#include "data/class_tables.h"
#include "data/label_png.h"
#include "data/readers/layout.h"
#include "data/readers/masks.h"
#include "tensor/check.h"

namespace pixelgrad::readers {
namespace {

namespace fs = std::filesystem;

constexpr const char* photos = "leftImg8bit";
constexpr const char* truth = "gtFine";
constexpr std::string_view photo_suffix = "_leftImg8bit";
constexpr std::string_view mask_suffix = "_gtFine_labelIds";

/// The name that photo and mask share; "" when the file's does not end with `suffix`.
std::string shared_name(const fs::path& file, std::string_view suffix) {
  const std::string stem = file.stem().string();
  return stem.ends_with(suffix) ? stem.substr(0, stem.size() - suffix.size()) : "";
}

/// Adds the files of one city. gtFine also holds colours, instances and polygons, which are not
/// masks of ids.
void add_city(const fs::path& photo_folder, const fs::path& mask_folder, Pairing& result,
              std::vector<std::string>& lonely) {
  std::set<fs::path> masks;
  if (fs::is_directory(mask_folder))
    for (const fs::path& file : image_files(mask_folder))
      if (!shared_name(file, mask_suffix).empty()) masks.insert(file);
  for (const fs::path& photo : image_files(photo_folder)) {
    const std::string name = shared_name(photo, photo_suffix);
    check<DataError>(!name.empty(), "[dataset] ", photo.string(), ": expected a name that ends in ",
                     photo_suffix, " before the extension");
    const fs::path mask = mask_folder / str(name, mask_suffix, ".png");
    if (masks.erase(mask) == 1)
      result.pairs.push_back({photo, mask});
    else
      lonely.push_back(photo.string());
  }
  for (const fs::path& mask : masks)
    result.warnings.push_back(str("mask without image: ", mask.string()));
}

Pairing collect_cities(const DatasetOptions& options) {
  const fs::path root = options.path;
  for (const char* folder : {photos, truth})
    check<DataError>(fs::is_directory(root / folder), "[dataset] ", root.string(),
                     ": Cityscapes expects the folders ", photos, " and ", truth, ", ", folder,
                     " is missing");
  Pairing result;
  std::vector<std::string> lonely;
  for (const std::string& split :
       chosen_splits(root / photos, subfolders(root / photos), options.split)) {
    const size_t before = result.pairs.size() + lonely.size();
    for (const std::string& city : subfolders(root / photos / split))
      add_city(root / photos / split / city, root / truth / split / city, result, lonely);
    check<DataError>(result.pairs.size() + lonely.size() > before, "[dataset] ",
                     (root / photos / split).string(), ": no images, expected {city}/*",
                     photo_suffix, ".png");
  }
  check_none_lonely(lonely, str(truth, "/{split}/{city}/{name}", mask_suffix, ".png"));
  check_sizes(result.pairs);
  return result;
}

/// What the values 0 to 33 of the masks mean.
std::vector<uint8_t> meaning_of_ids(bool train_ids) {
  std::vector<uint8_t> meaning;
  for (const CityscapesLabel& label : cityscapes_labels())
    if (label.id >= 0)
      meaning.push_back(train_ids ? label.train_id : static_cast<uint8_t>(label.id));
  return meaning;
}

}  // namespace

std::unique_ptr<Dataset> open_cityscapes(const DatasetOptions& options) {
  const bool train_ids = choose_labels(options, "cityscapes", {"19", "34"}) == "19";
  check<UsageError>(options.classes.empty(),
                    "[dataset] format cityscapes has classes of its own, expected no class list");
  const IdTable ids(meaning_of_ids(train_ids));
  return make_mask_dataset(
      "cityscapes", collect_cities(options),
      train_ids ? cityscapes19_classes() : cityscapes34_classes(),
      [ids](const fs::path& mask) { return ids.labels(read_mask(mask), mask.string()); });
}

bool looks_like_cityscapes(const fs::path& root) {
  return fs::is_directory(root / photos) || fs::is_directory(root / truth);
}

}  // namespace pixelgrad::readers
