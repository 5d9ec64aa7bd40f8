#pragma once
#include <cstdint>
#include <filesystem>
#include <string_view>
#include <vector>

#include "data/image.h"
#include "data/palette.h"

namespace pixelgrad {

/// A built-in data set: street scenes drawn by a small renderer, with exact labels. It needs no
/// download, has any number of images of any size, and is hard enough to tell architectures apart.
struct StreetOptions {
  int64_t height = 128, width = 160;  ///< pixels, each at least 32
  uint64_t seed = 0;
};

struct StreetScene {
  Image image;      ///< [height, width, 3]
  LabelMap labels;  ///< ids of street_classes()
};

/// The 11 classes, in the order and colours of CamVid's groups: Sky, Building, Pole, Road,
/// Pavement, Tree, SignSymbol, Fence, Car, Pedestrian, Bicyclist.
std::vector<ClassInfo> street_classes();

/// Scene number `index` (at least 0). The same options and index give the same bytes.
StreetScene render_street(const StreetOptions& options, int64_t index);

/// How write_streets lays a data set out on disk. The names are those of the formats that
/// open_dataset reads.
enum class StreetsLayout {
  folder,        ///< {train,val}/images/000000.png, {train,val}/masks/000000.png (ids), classes.txt
  pairs,         ///< {train,val}/1.jpg: photo left, colour label right; label_colors.txt
  segnet,        ///< {train,val}/000000.png, {train,val}annot/000000.png (ids); classes.txt
  cityscapes,    ///< leftImg8bit/{train,val}/street/*_leftImg8bit.png, gtFine/... labelIds.png
  label_colors,  ///< {train,val}/000000.png and 000000_L.png (colours); label_colors.txt
};

/// The layout of that name. UsageError on any other.
StreetsLayout streets_layout(std::string_view name);

/// Renders and writes a data set; training scenes come first, so train and val never share one.
/// `folder` appears whole or not at all. Throws DataError when it exists and is not empty.
void write_streets(const std::filesystem::path& folder, const StreetOptions& options,
                   int64_t count_train, int64_t count_val, StreetsLayout layout);

}  // namespace pixelgrad
