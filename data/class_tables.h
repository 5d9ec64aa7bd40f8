#pragma once
#include <cstdint>
#include <span>
#include <vector>

#include "data/image.h"
#include "data/palette.h"

namespace pixelgrad {

/// A class of CamVid (Brostow et al., "Semantic object classes in video", 2009).
struct CamvidClass {
  const char* name;
  Rgb color;
  uint8_t group;  ///< id among the 11 groups of SegNet, or ignore_label for Void
};

/// The 32 classes in the order of label_colors.txt; id = position.
std::span<const CamvidClass> camvid_classes();

/// A label of Cityscapes (Cordts et al., CVPR 2016).
struct CityscapesLabel {
  const char* name;
  int id;            ///< 0 to 33 as in labelIds files; -1 for license plate, which none of them has
  uint8_t train_id;  ///< 0 to 18 among the 19 scored classes, or ignore_label
  const char* category;
  uint8_t category_id;
  bool ignored;  ///< in the official evaluation
  Rgb color;
};

/// The 35 labels, by id; license plate is last.
std::span<const CityscapesLabel> cityscapes_labels();

/// The 32 classes of CamVid; Void is not scored.
std::vector<ClassInfo> camvid32_classes();
/// SegNet's 11 groups: Sky, Building, Pole, Road, Pavement, Tree, SignSymbol, Fence, Car,
/// Pedestrian, Bicyclist.
std::vector<ClassInfo> camvid11_classes();
/// The 34 ids of labelIds files; scored are the 19 of the official evaluation.
std::vector<ClassInfo> cityscapes34_classes();
/// The 30 classes that the project page lists: ids 4 (static) to 33 (bicycle), less 4. All are
/// scored but polegroup, which the colours do not tell from pole.
std::vector<ClassInfo> cityscapes30_classes();
/// The 19 train ids.
std::vector<ClassInfo> cityscapes19_classes();

/// The colours of the 32 CamVid classes, as ids of the 11 groups; Void is ignore_label.
ColorTable camvid11_colors();
/// Colours of the 19 scored classes as train ids, and black as ignore_label.
ColorTable cityscapes19_colors();
/// The 29 distinct colours as ids of cityscapes30_classes. Where labels share a colour one stands
/// for all: static for black (0 to 4), pole for polegroup, car for license plate.
ColorTable cityscapes30_colors();

}  // namespace pixelgrad
