// Zip archives of torch.save that are not as they must be.
#include "tests/models/malformed_files.h"

namespace pixelgrad::testing::malformed {

using namespace pickled;

namespace {

Files with_parts(const std::vector<std::vector<ZipPart>>& archives) {
  Files files;
  for (const auto& parts : archives) files.push_back(zip(parts));
  return files;
}

template <class Edit>
std::vector<ZipPart> edited(const Edit& edit, size_t part = 1) {
  std::vector<ZipPart> parts = good_parts();
  edit(parts[part]);
  return parts;
}

}  // namespace

std::vector<Rule> zip_rules() {
  const std::string good = zip(good_parts());
  std::vector<Rule> rules;
  rules.push_back({"ZipCutOff", "cut off", cut_at_every_byte(good, 4)});

  Files flipped;
  for (size_t bit = 0; bit < 8 * floats.size(); ++bit) {
    std::string bytes = good;
    const size_t at = good.find(floats) + bit / 8;
    bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit % 8));
    flipped.push_back(bytes);
  }
  rules.push_back({"StoredValuesDamaged", "does not fit its CRC", flipped});
  rules.push_back(
      {"WrongCrc", "does not fit its CRC",
       with_parts({edited([](ZipPart& p) { p.claimed_crc = 1; }),
                   edited([](ZipPart& p) { p.claimed_crc = 1; }, 0), edited([](ZipPart& p) {
                     p.claimed_crc = 1;
                     p.deflate = true;
                   })})});
  rules.push_back({"EntryOutsideTheFile", "expected before the directory",
                   with_parts({edited([](ZipPart& p) { p.claimed_offset = 0xFFFFFFF0; }),
                               edited([](ZipPart& p) { p.claimed_offset = 100000; }),
                               edited([](ZipPart& p) { p.claimed_offset = 0x7FFFFFFF; }, 0)})});
  Files reaching;
  for (const int64_t bytes : std::initializer_list<int64_t>{200, 5000, 0x7FFFFFFF, 0xFFFFFFFE})
    reaching.push_back(
        zip(edited([&](ZipPart& p) { p.claimed_bytes = p.claimed_packed = bytes; }, 2)));
  rules.push_back({"EntryReachesIntoTheDirectory", "reach into the directory", reaching});
  Files overlapping;
  for (const int64_t more : {1, 2, 10, 24, 40})
    overlapping.push_back(zip(edited([&](ZipPart& p) {
      p.claimed_bytes = p.claimed_packed = static_cast<int64_t>(floats.size()) + more;
    })));
  overlapping.push_back(zip(edited([](ZipPart& p) { p.claimed_offset = 0; })));
  overlapping.push_back(zip(edited([](ZipPart& p) { p.claimed_offset = 4; })));
  rules.push_back({"EntriesOverlap", "inside the one before", overlapping});
  std::vector<ZipPart> twice = good_parts();
  twice.push_back(twice[1]);
  std::vector<ZipPart> two_pickles = good_parts();
  two_pickles.push_back(two_pickles[0]);
  rules.push_back({"EntryTwice", "appears twice", with_parts({twice, two_pickles})});
  rules.push_back({"Encrypted", "is encrypted",
                   with_parts({edited([](ZipPart& p) { p.flags = 1; }),
                               edited([](ZipPart& p) { p.flags = 1; }, 0)})});
  Files methods;
  for (const int method : {1, 2, 6, 9, 12, 14, 93, 95, 99, 65535})
    methods.push_back(zip(edited([&](ZipPart& p) { p.claimed_method = method; })));
  rules.push_back({"UnknownMethod", "is packed by method", methods});
  rules.push_back({"StoredSizesDiffer", "is stored in",
                   with_parts({edited([](ZipPart& p) { p.claimed_bytes = 1; }),
                               edited([](ZipPart& p) { p.claimed_bytes = 0x7FFFFFFF; })})});
  rules.push_back({"LocalHeaderDiffers", "local header",
                   with_parts({edited([](ZipPart& p) { p.local_name = "a/data/9"; }),
                               edited([](ZipPart& p) { p.local_name = "a/data/10"; }),
                               edited([](ZipPart& p) { p.claimed_offset = 1; }, 0)})});

  size_t directory = 0;
  const std::string whole = zip(good_parts(), &directory);
  const std::string body = whole.substr(0, whole.size() - 22);
  const auto bytes = static_cast<uint32_t>(body.size() - directory);
  const auto begin = static_cast<uint32_t>(directory);
  Files directories;
  for (const uint32_t size : {0u, 1u, bytes - 1, bytes + 1, 0x7FFFFFFFu})
    directories.push_back(body + zip_end(3, size, begin));
  for (const uint32_t at : {0u, begin - 1, begin + 1, 0x7FFFFFFFu})
    directories.push_back(body + zip_end(3, bytes, at));
  for (const uint16_t count : {uint16_t{0}, uint16_t{2}, uint16_t{4}, uint16_t{20000}})
    directories.push_back(body + zip_end(count, bytes, begin));
  for (size_t at = directory; at < directory + 4; ++at) {
    std::string damaged = whole;
    damaged[at] ^= 0x10;
    directories.push_back(damaged);
  }
  rules.push_back({"WrongDirectory", "zip directory", directories});
  rules.push_back({"TooManyEntries", "zip archive of", {body + zip_end(50000, bytes, begin)}});

  const auto zip64 = [&](uint64_t count, uint64_t size, uint64_t at, uint64_t record_at) {
    return body + "PK\6\6" + le<uint64_t>(44) + le<uint16_t>(45) + le<uint16_t>(45) +
           le<uint32_t>(0) + le<uint32_t>(0) + le(count) + le(count) + le(size) + le(at) +
           "PK\6\7" + le<uint32_t>(0) + le(record_at) + le<uint32_t>(1) +
           zip_end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF);
  };
  rules.push_back(
      {"WrongZip64",
       "zip",
       {body + zip_end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), zip64(3, bytes, begin, 0),
        zip64(3, bytes, begin, ~uint64_t{0}), zip64(3, bytes, begin, body.size() + 1),
        zip64(~uint64_t{0}, bytes, begin, body.size()), zip64(3, ~uint64_t{0}, begin, body.size()),
        zip64(3, bytes, ~uint64_t{0}, body.size()),
        zip64(3, ~uint64_t{0} - begin + 2, begin, body.size())}});

  std::vector<ZipPart> no_pickle = good_parts(), second = good_parts();
  no_pickle[0].name = "a/data.txt";
  second.push_back({"b/data.pkl", good_pickle()});
  rules.push_back({"NotOneDataPkl", "data.pkl", with_parts({no_pickle, second, {{"x", ""}}})});
  std::vector<ZipPart> script = good_parts(), other_order = good_parts();
  script.push_back({"a/constants.pkl", "\x80\x02)."});
  other_order.push_back({"a/byteorder", "big"});
  rules.push_back({"TorchScript", "TorchScript", with_parts({script})});
  std::vector<ZipPart> nonsense_order = good_parts();
  nonsense_order.push_back({"a/byteorder", "medium"});
  rules.push_back({"ByteOrder", "byte order", with_parts({other_order, nonsense_order})});

  std::vector<ZipPart> no_storage = good_parts();
  no_storage[1].name = "a/data/1";
  rules.push_back({"NoStorage", "no zip entry", with_parts({no_storage, {good_parts()[0]}})});
  Files sizes;
  for (const size_t size : {0u, 1u, 4u, 20u, 23u, 25u, 28u, 48u})
    sizes.push_back(zip(torch_parts(good_pickle(), {std::string(size, 'x')})));
  for (const int64_t elements : {5, 7, 0, 1 << 30})
    sizes.push_back(zip(torch_parts(
        program(dict({{"w", tensor(storage("0", elements), 0, {0}, {1})}})), {floats})));
  rules.push_back({"StorageOfAnotherSize", "bytes, expected", sizes});
  rules.push_back({"BytesAfterThePickle",
                   "bytes after its end",
                   {zip(torch_parts(good_pickle() + "x", {floats})),
                    zip(torch_parts(good_pickle() + good_pickle(), {floats}))}});

  // Bombs: small files that claim, or unpack to, much.
  const std::string zeros(size_t{40} << 20, '\0');
  const auto bomb = [&](const std::string& pickle, const std::string& values) {
    std::vector<ZipPart> parts = torch_parts(pickle, {values});
    parts[0].deflate = parts[1].deflate = true;
    return zip(parts);
  };
  rules.push_back({"PackedPickleIsHuge", "expected at most", {bomb(zeros, floats)}});
  rules.push_back(
      {"PackedValuesAreHuge",
       "bytes or more in a file of",
       {bomb(program(dict({{"w", tensor(storage("0", 10 << 20), 0, {10 << 20}, {1})}})), zeros)}});
  Files packed;
  for (size_t at = 0; at < 20; ++at) {
    std::vector<ZipPart> parts = good_parts();
    parts[1].data = deflated(floats).substr(0, at) + std::string(30, '\xFF');
    parts[1].claimed_method = 8;
    parts[1].claimed_bytes = static_cast<int64_t>(floats.size());
    packed.push_back(zip(parts));
  }
  std::vector<ZipPart> longer = good_parts(), shorter = good_parts();
  for (auto* parts : {&longer, &shorter}) {
    (*parts)[1].deflate = true;
    (*parts)[1].claimed_bytes = static_cast<int64_t>(floats.size());
  }
  longer[1].data += "more";
  shorter[1].data.pop_back();
  packed.push_back(zip(longer));
  packed.push_back(zip(shorter));
  rules.push_back({"PackedValuesDamaged", "packed data is damaged", packed});
  return rules;
}

}  // namespace pixelgrad::testing::malformed
