#include "data/class_tables.h"

#include <array>

namespace pixelgrad {
namespace {
constexpr uint8_t none = ignore_label;

/// File order of label_colors.txt. Groups as in SegNet (Badrinarayanan et al., PAMI 2017).
constexpr std::array<CamvidClass, 32> camvid = {{
    {"Animal", {64, 128, 64}, 9},
    {"Archway", {192, 0, 128}, 1},
    {"Bicyclist", {0, 128, 192}, 10},
    {"Bridge", {0, 128, 64}, 1},
    {"Building", {128, 0, 0}, 1},
    {"Car", {64, 0, 128}, 8},
    {"CartLuggagePram", {64, 0, 192}, 9},
    {"Child", {192, 128, 64}, 9},
    {"Column_Pole", {192, 192, 128}, 2},
    {"Fence", {64, 64, 128}, 7},
    {"LaneMkgsDriv", {128, 0, 192}, 3},
    {"LaneMkgsNonDriv", {192, 0, 64}, 3},
    {"Misc_Text", {128, 128, 64}, 6},
    {"MotorcycleScooter", {192, 0, 192}, 10},
    {"OtherMoving", {128, 64, 64}, 8},
    {"ParkingBlock", {64, 192, 128}, 4},
    {"Pedestrian", {64, 64, 0}, 9},
    {"Road", {128, 64, 128}, 3},
    {"RoadShoulder", {128, 128, 192}, 4},
    {"Sidewalk", {0, 0, 192}, 4},
    {"SignSymbol", {192, 128, 128}, 6},
    {"Sky", {128, 128, 128}, 0},
    {"SUVPickupTruck", {64, 128, 192}, 8},
    {"TrafficCone", {0, 0, 64}, 2},
    {"TrafficLight", {0, 64, 64}, 6},
    {"Train", {192, 64, 128}, 8},
    {"Tree", {128, 128, 0}, 5},
    {"Truck_Bus", {192, 128, 192}, 8},
    {"Tunnel", {64, 0, 64}, 1},
    {"VegetationMisc", {192, 192, 0}, 5},
    {"Void", {0, 0, 0}, none},
    {"Wall", {64, 192, 0}, 1},
}};

struct Group {
  const char* name;
  Rgb color;
};

/// Pavement is shown in SegNet's colour, not in that of Sidewalk.
constexpr std::array<Group, 11> camvid_groups = {{
    {"Sky", {128, 128, 128}},
    {"Building", {128, 0, 0}},
    {"Pole", {192, 192, 128}},
    {"Road", {128, 64, 128}},
    {"Pavement", {60, 40, 222}},
    {"Tree", {128, 128, 0}},
    {"SignSymbol", {192, 128, 128}},
    {"Fence", {64, 64, 128}},
    {"Car", {64, 0, 128}},
    {"Pedestrian", {64, 64, 0}},
    {"Bicyclist", {0, 128, 192}},
}};

/// The table of cityscapesScripts: id, train id, category, ignored in the evaluation, colour.
constexpr std::array<CityscapesLabel, 35> cityscapes = {{
    {"unlabeled", 0, none, "void", 0, true, {0, 0, 0}},
    {"ego vehicle", 1, none, "void", 0, true, {0, 0, 0}},
    {"rectification border", 2, none, "void", 0, true, {0, 0, 0}},
    {"out of roi", 3, none, "void", 0, true, {0, 0, 0}},
    {"static", 4, none, "void", 0, true, {0, 0, 0}},
    {"dynamic", 5, none, "void", 0, true, {111, 74, 0}},
    {"ground", 6, none, "void", 0, true, {81, 0, 81}},
    {"road", 7, 0, "flat", 1, false, {128, 64, 128}},
    {"sidewalk", 8, 1, "flat", 1, false, {244, 35, 232}},
    {"parking", 9, none, "flat", 1, true, {250, 170, 160}},
    {"rail track", 10, none, "flat", 1, true, {230, 150, 140}},
    {"building", 11, 2, "construction", 2, false, {70, 70, 70}},
    {"wall", 12, 3, "construction", 2, false, {102, 102, 156}},
    {"fence", 13, 4, "construction", 2, false, {190, 153, 153}},
    {"guard rail", 14, none, "construction", 2, true, {180, 165, 180}},
    {"bridge", 15, none, "construction", 2, true, {150, 100, 100}},
    {"tunnel", 16, none, "construction", 2, true, {150, 120, 90}},
    {"pole", 17, 5, "object", 3, false, {153, 153, 153}},
    {"polegroup", 18, none, "object", 3, true, {153, 153, 153}},
    {"traffic light", 19, 6, "object", 3, false, {250, 170, 30}},
    {"traffic sign", 20, 7, "object", 3, false, {220, 220, 0}},
    {"vegetation", 21, 8, "nature", 4, false, {107, 142, 35}},
    {"terrain", 22, 9, "nature", 4, false, {152, 251, 152}},
    {"sky", 23, 10, "sky", 5, false, {70, 130, 180}},
    {"person", 24, 11, "human", 6, false, {220, 20, 60}},
    {"rider", 25, 12, "human", 6, false, {255, 0, 0}},
    {"car", 26, 13, "vehicle", 7, false, {0, 0, 142}},
    {"truck", 27, 14, "vehicle", 7, false, {0, 0, 70}},
    {"bus", 28, 15, "vehicle", 7, false, {0, 60, 100}},
    {"caravan", 29, none, "vehicle", 7, true, {0, 0, 90}},
    {"trailer", 30, none, "vehicle", 7, true, {0, 0, 110}},
    {"train", 31, 16, "vehicle", 7, false, {0, 80, 100}},
    {"motorcycle", 32, 17, "vehicle", 7, false, {0, 0, 230}},
    {"bicycle", 33, 18, "vehicle", 7, false, {119, 11, 32}},
    {"license plate", -1, none, "vehicle", 7, true, {0, 0, 142}},
}};

constexpr int first_of_30 = 4, polegroup = 18;  // ids
}  // namespace

std::span<const CamvidClass> camvid_classes() { return camvid; }
std::span<const CityscapesLabel> cityscapes_labels() { return cityscapes; }

std::vector<ClassInfo> camvid32_classes() {
  std::vector<ClassInfo> classes;
  for (const CamvidClass& c : camvid) classes.push_back({c.name, c.color, c.group != none});
  return classes;
}

std::vector<ClassInfo> camvid11_classes() {
  std::vector<ClassInfo> classes;
  for (const Group& g : camvid_groups) classes.push_back({g.name, g.color, true});
  return classes;
}

std::vector<ClassInfo> cityscapes34_classes() {
  std::vector<ClassInfo> classes;
  for (const CityscapesLabel& l : cityscapes) {
    if (l.id >= 0) classes.push_back({l.name, l.color, l.train_id != none});
  }
  return classes;
}

std::vector<ClassInfo> cityscapes30_classes() {
  std::vector<ClassInfo> classes;
  for (const CityscapesLabel& l : cityscapes) {
    if (l.id >= first_of_30) classes.push_back({l.name, l.color, l.id != polegroup});
  }
  return classes;
}

std::vector<ClassInfo> cityscapes19_classes() {
  std::vector<ClassInfo> classes;
  for (const CityscapesLabel& l : cityscapes) {  // train ids ascend with ids
    if (l.train_id != none) classes.push_back({l.name, l.color, true});
  }
  return classes;
}

ColorTable camvid11_colors() {
  ColorTable table;
  for (const CamvidClass& c : camvid) table.add(c.color, c.group);
  for (size_t i = 0; i < camvid_groups.size(); ++i) {
    table.add(camvid_groups[i].color, static_cast<uint8_t>(i));
  }
  return table;
}

ColorTable cityscapes19_colors() {
  ColorTable table(cityscapes19_classes());
  table.add({0, 0, 0}, ignore_label);
  return table;
}

ColorTable cityscapes30_colors() {
  ColorTable table;
  for (const CityscapesLabel& l : cityscapes) {
    if (l.id >= first_of_30 && !table.exact(l.color)) {
      table.add(l.color, static_cast<uint8_t>(l.id - first_of_30));
    }
  }
  return table;
}

}  // namespace pixelgrad
