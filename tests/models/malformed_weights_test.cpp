// Files of weights that break one rule each, many for every rule. All must end in a CheckpointError
// that names the file and the rule, without more memory than the file's size and 16 MiB.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>

#include "models/safetensors.h"
#include "models/weight_file.h"
#include "tensor/allocator.h"
#include "tests/models/torch_file_builder.h"
#include "tests/support/heap_peak.h"
#include "tests/support/scratch_folder.h"

namespace pixelgrad {
namespace {

using namespace testing::pickled;
using testing::file_bytes;
using ::testing::HasSubstr;
using testing::le;
using testing::legacy_file;
using testing::torch_parts;
using testing::zip;
using testing::ZipPart;

using Files = std::vector<std::string>;

struct Rule {
  std::string name, message;  // a part of every error
  Files files;
};

// Sound files to break.

const std::string floats = [] {
  std::string bytes;
  for (int i = 0; i < 6; ++i) bytes += le(static_cast<float>(i) + 0.5f);
  return bytes;
}();

std::string good_tensor() { return tensor(storage("0", 6), 0, {2, 3}, {3, 1}); }
std::string good_pickle() { return program(dict({{"w", good_tensor()}})); }
std::vector<ZipPart> good_parts() { return torch_parts(good_pickle(), {floats}); }

/// Both forms around a pickle and storage "0" of six floats.
void add_pickle(Files& files, const std::string& pickle) {
  files.push_back(zip(torch_parts(pickle, {floats})));
  files.push_back(legacy_file(pickle, {{6, floats}}));
}
Files with_pickles(const Files& pickles) {
  Files files;
  for (const std::string& p : pickles) add_pickle(files, p);
  return files;
}
/// ... around a dictionary with the tensors.
Files with_tensors(const Files& tensors) {
  Files pickles;
  for (const std::string& t : tensors) pickles.push_back(program(dict({{"w", t}})));
  return with_pickles(pickles);
}
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

Files cut_at_every_byte(const std::string& file, size_t from) {
  Files files;
  for (size_t size = from; size < file.size(); ++size) files.push_back(file.substr(0, size));
  return files;
}

std::string safetensors_file(const std::string& header, size_t data_bytes) {
  return le<uint64_t>(header.size()) + header + std::string(data_bytes, '\1');
}
std::string entry(const std::string& type, const std::string& shape, const std::string& offsets) {
  return R"({"dtype":")" + type + R"(","shape":)" + shape + R"(,"data_offsets":)" + offsets + "}";
}

std::string our_file() {
  const testing::ScratchFolder folder;
  write_safetensors(folder / "a", {{{"w", Tensor::full({6}, 0.5, Dtype::f32)}}, {}});
  return file_bytes(folder / "a");
}

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
    directories.push_back(body + testing::zip_end(3, size, begin));
  for (const uint32_t at : {0u, begin - 1, begin + 1, 0x7FFFFFFFu})
    directories.push_back(body + testing::zip_end(3, bytes, at));
  for (const uint16_t count : {uint16_t{0}, uint16_t{2}, uint16_t{4}, uint16_t{20000}})
    directories.push_back(body + testing::zip_end(count, bytes, begin));
  for (size_t at = directory; at < directory + 4; ++at) {
    std::string damaged = whole;
    damaged[at] ^= 0x10;
    directories.push_back(damaged);
  }
  rules.push_back({"WrongDirectory", "zip directory", directories});
  rules.push_back(
      {"TooManyEntries", "zip archive of", {body + testing::zip_end(50000, bytes, begin)}});

  const auto zip64 = [&](uint64_t count, uint64_t size, uint64_t at, uint64_t record_at) {
    return body + "PK\6\6" + le<uint64_t>(44) + le<uint16_t>(45) + le<uint16_t>(45) +
           le<uint32_t>(0) + le<uint32_t>(0) + le(count) + le(count) + le(size) + le(at) +
           "PK\6\7" + le<uint32_t>(0) + le(record_at) + le<uint32_t>(1) +
           testing::zip_end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF);
  };
  rules.push_back(
      {"WrongZip64",
       "zip",
       {body + testing::zip_end(0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF), zip64(3, bytes, begin, 0),
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
    parts[1].data = testing::deflated(floats).substr(0, at) + std::string(30, '\xFF');
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

std::vector<Rule> pickle_rules() {
  std::vector<Rule> rules;
  Files names;
  for (const auto& [module, function] : std::vector<std::pair<std::string, std::string>>{
           {"os", "system"},
           {"posix", "system"},
           {"nt", "system"},
           {"builtins", "eval"},
           {"builtins", "exec"},
           {"builtins", "getattr"},
           {"__builtin__", "eval"},
           {"__builtin__", "apply"},
           {"subprocess", "Popen"},
           {"torch", "load"},
           {"torch.hub", "load"},
           {"torch", "Tensor"},
           {"torch.nn.modules.conv", "Conv2d"},
           {"argparse", "Namespace"},
           {"numpy.core.multiarray", "scalar"},
           {"numpy", "dtype"},
           {"collections", "defaultdict"},
           {"collections", "OrderedDict.__init__"},
           {"torch._utils", "_rebuild_tensor_v3"},
           {"torch._utils", ""},
           {"", ""},
           {"torch.jit", "_load"},
           {"pickle", "loads"},
           {"_codecs", "encode"},
           {"copyreg", "_reconstructor"},
           {"torch", "FloatStorage.from_file"},
           {std::string("torch\0x", 7), "FloatStorage"},
           {"Torch", "FloatStorage"},
           {"\x1b[31m", "x"}})
    names.push_back(program(name(module, function) + ")R"));
  rules.push_back({"NamesAnythingElse", "code or an object", with_pickles(names)});
  rules.push_back({"UnknownStorage", "does not know",
                   with_tensors({tensor(storage("0", 6, "QInt8Storage"), 0, {6}, {1}),
                                 tensor(storage("0", 6, "ComplexFloatStorage"), 0, {6}, {1}),
                                 tensor(storage("0", 6, "Storage"), 0, {6}, {1})})});

  const std::string known = "(N\x88\x89KMJ\x8aGXUT)t\x85\x86\x87]ae}suqrhjcQRb.";
  Files opcodes;
  for (int opcode = 0; opcode < 256; ++opcode)
    if (known.find(static_cast<char>(opcode)) == std::string::npos)
      opcodes.push_back(
          zip(torch_parts(program(std::string(1, static_cast<char>(opcode))), {floats})));
  rules.push_back({"UnknownOpcode", "torch.save does not use", opcodes});

  Files underflow;
  for (const std::string ops : {"a",  "s",  "Q",   "R",   "b",    "\x85",  "\x86",   "\x87",
                                "Na", "Ns", "NNs", "NR",  "Nb",   "N\x86", "NN\x87", "q\1",
                                "(a", "(s", "N(R", "N(Q", "]N(a", "}(s",   "N(q\1",  "}(b"})
    underflow.push_back(program(ops));
  underflow.push_back(program(std::string("r\0\0\0\0", 5)));
  rules.push_back({"StackUnderflow", "empty stack", with_pickles(underflow)});
  Files marks;
  for (const char* ops : {"t", "e", "u", "Nt", "]e", "}u", "(tt", "](ee"})
    marks.push_back(program(ops));
  rules.push_back({"NoMark", "no mark", with_pickles(marks)});
  Files ends;
  for (const char* ops : {"", "NN", "(", "N(", "(N", "NNN"}) ends.push_back(program(ops));
  rules.push_back({"StackLeftOver", "on the stack, expected 1", with_pickles(ends)});
  rules.push_back({"AKeyWithoutValue", "a key without a value",
                   with_pickles({program("}(Nu"), program("}(NNNu")})});
  Files memos;
  for (const std::string& ops :
       {std::string("h\0", 2), std::string("h\1"), std::string("Nq\0h\1", 5), "j" + le<uint32_t>(0),
        "j" + le<uint32_t>(0xFFFFFFFF), std::string("Nq\1"), std::string("Nq\xFF"),
        "Nr" + le<uint32_t>(1), "Nr" + le<uint32_t>(0x7FFFFFFF), "Nr" + le<uint32_t>(0xFFFFFFFF)})
    memos.push_back(program(ops));
  rules.push_back({"WrongMemo", "memo ", with_pickles(memos)});
  const std::string itself =
      std::string("}q\0", 3) + text("state_dict") + std::string("h\0", 2) + "s";
  std::string deep = dict({{"w", good_tensor()}});
  for (int i = 0; i < 6; ++i) deep = dict({{"model", deep}});
  rules.push_back({"ContainsItself", "nested more than 4 deep",
                   with_pickles({program(itself), program(deep)})});
  rules.push_back({"ListContainsItself", "expected a dictionary",
                   with_pickles({program(std::string("]q\0h\0a", 6))})});

  // Each argument of a tensor replaced by each kind of value that it must not be.
  const std::vector<std::string> right = arguments(storage("0", 6), 0, {2, 3}, {3, 1});
  const std::vector<std::pair<char, std::string>> kinds = {
      {'N', "N"},
      {'t', text("x")},
      {'i', integer(2)},
      {'d', "}"},
      {'l', "]"},
      {'b', "\x88"},
      {'u', ")"},
      {'s', storage("0", 6)},
      {'f', name("torch", "FloatStorage")},
      {'T', good_tensor()},
      {'r', std::string("G\x3f\xf0\0\0\0\0\0\0", 9)}};
  const std::string allowed = "siuu";
  Files confused;
  for (size_t a = 0; a < 4; ++a)
    for (const auto& [kind, value] : kinds)
      if (kind != allowed[a]) {
        auto args = right;
        args[a] = value;
        confused.push_back(rebuild(args));
      }
  for (const auto& [kind, value] : kinds) {
    if (kind != 'i') {
      auto args = right;
      args[2] = tuple({value, integer(3)});
      confused.push_back(rebuild(args));
    }
    if (kind != 'u') confused.push_back(name("torch._utils", "_rebuild_tensor_v2") + value + "R");
    if (kind != 'f') confused.push_back(value + ")R");
    if (kind != 'd') confused.push_back(value + "}b");
    if (kind != 'T')
      confused.push_back(name("torch._utils", "_rebuild_parameter") +
                         tuple({value, "\x88", empty_ordered_dict()}) + "R");
  }
  rules.push_back({"WrongKindOfValue", ", expected a", with_tensors(confused)});
  Files counts;
  for (const size_t n : {0u, 1u, 3u, 5u})
    counts.push_back(rebuild({right.begin(), right.begin() + static_cast<std::ptrdiff_t>(n)}));
  counts.push_back(name("collections", "OrderedDict") + tuple({"]", "]"}) + "R");
  counts.push_back(name("torch._utils", "_rebuild_parameter") + tuple({good_tensor()}) + "R");
  counts.push_back(name("torch._utils", "_rebuild_tensor") + tuple({}) + "R");
  rules.push_back({"NumberOfArguments", "arguments, expected", with_tensors(counts)});

  rules.push_back(
      {"NegativeNumber", " is -",
       with_tensors(
           {tensor(storage("0", 6), -1, {2}, {1}), tensor(storage("0", 6), INT64_MIN, {2}, {1}),
            tensor(storage("0", 6), 0, {-2}, {1}), tensor(storage("0", 6), 0, {2}, {-1}),
            tensor(storage("0", 6), 5, {2}, {INT64_MIN}), tensor(storage("0", -6), 0, {2}, {1})})});
  rules.push_back(
      {"OutsideTheStorage", "reaches element",
       with_tensors(
           {tensor(storage("0", 6), 0, {7}, {1}), tensor(storage("0", 6), 1, {6}, {1}),
            tensor(storage("0", 6), 6, {1}, {1}), tensor(storage("0", 6), 7, {0}, {1}),
            tensor(storage("0", 6), INT64_MAX, {1}, {1}),
            tensor(storage("0", 6), 0, {2, 3}, {4, 1}), tensor(storage("0", 6), 0, {2, 2}, {3, 3}),
            tensor(storage("0", 6), 0, {2}, {INT64_MAX}), tensor(storage("0", 0), 0, {}, {})})});
  rules.push_back(
      {"TooManyElements", "too many elements",
       with_tensors({tensor(storage("0", 6), 0, {1LL << 32, 1LL << 32}, {0, 0}),
                     tensor(storage("0", 6), 0, {1LL << 62, 4}, {0, 0}),
                     tensor(storage("0", 6), 0, {INT64_MAX}, {0}),
                     tensor(storage("0", 6), 0, {1LL << 62}, {4}),
                     tensor(storage("0", 6), 0, {3, 2}, {INT64_MAX, INT64_MAX}),
                     tensor(storage("0", 6), 0, {1LL << 33, 1LL << 33, 0}, {0, 0, 0})})});
  rules.push_back(
      {"ShapeAndStrides", "dimensions",
       with_tensors(
           {tensor(storage("0", 6), 0, {2, 3}, {1}), tensor(storage("0", 6), 0, {2}, {1, 1}),
            tensor(storage("0", 6), 0, {}, {1}),
            tensor(storage("0", 6), 0, std::vector<int64_t>(9, 1), std::vector<int64_t>(9, 1))})});
  rules.push_back({"ElementsOverlap", "overlap in the storage",
                   with_tensors({tensor(storage("0", 6), 0, {3, 3}, {1, 1}),
                                 tensor(storage("0", 6), 0, {2, 3}, {2, 1}),
                                 tensor(storage("0", 6), 0, {2, 2, 2}, {2, 1, 1})})});
  rules.push_back({"ExpandedToHugeSize", "bytes or more in a file of",
                   with_tensors({tensor(storage("0", 6), 0, {1LL << 40}, {0}),
                                 tensor(storage("0", 6), 0, {1 << 20, 6}, {0, 1}),
                                 tensor(storage("0", 6), 3, {1 << 30, 1 << 20}, {0, 0})})});
  const auto with_id = [](const std::string& id) { return tensor(id + "Q", 0, {2}, {1}); };
  const std::string type = name("torch", "FloatStorage");
  rules.push_back(
      {"PersistentId", "persistent id",
       with_tensors({with_id(tuple({})), with_id(tuple({text("storage")})),
                     with_id(tuple({text("module"), type, text("0"), text("cpu"), integer(6)})),
                     with_id(tuple({integer(1), type, text("0"), text("cpu"), integer(6)})),
                     with_id(text("0")), with_id("N")})});
  rules.push_back(
      {"ViewOfAStorage", " view of ",
       with_tensors({with_id(tuple({text("storage"), type, text("0"), text("cpu"), integer(6),
                                    tuple({text("v"), integer(3), integer(4)})})),
                     with_id(tuple({text("storage"), type, text("0"), text("cpu"), integer(6),
                                    tuple({text("v"), integer(INT64_MAX), integer(2)})}))})});
  rules.push_back(
      {"StorageOfTwoKinds", ", before of",
       with_pickles(
           {program(dict({{"a", good_tensor()}, {"b", tensor(storage("0", 7), 0, {2}, {1})}})),
            program(dict({{"a", good_tensor()},
                          {"b", tensor(storage("0", 6, "HalfStorage"), 0, {2}, {1})}}))})});
  rules.push_back(
      {"SameNameTwice", "appears twice",
       with_pickles(
           {program(dict({{"w", good_tensor()}, {"w", good_tensor()}})),
            program(dict({{"state_dict", dict({{"", good_tensor()}, {"", good_tensor()}})}}))})});
  rules.push_back(
      {"NotADictionary", "expected a dictionary",
       with_pickles({program("N"), program(")"), program("]"), program(good_tensor()),
                     program(text("x")), program(list({good_tensor()})), program(integer(1))})});
  rules.push_back({"NameOfATensor", "is called by",
                   with_pickles({program("}" + integer(1) + good_tensor() + "s"),
                                 program("}N" + good_tensor() + "s")})});
  const std::string inner = dict({{"w", good_tensor()}});
  rules.push_back({"WhichDictionary", "several dictionaries",
                   with_pickles({program(dict({{"generator", inner}, {"critic", inner}})),
                                 program(dict({{"model", inner}, {"model", inner}}))})});
  rules.push_back({"NoTensors", "no dictionary of tensors",
                   with_pickles({program("}"), program(dict({{"a", "}"}, {"b", integer(1)}})),
                                 program(dict({{"state_dict", "}"}}))})});
  Files lengths;
  for (const uint32_t length : {1u, 100u, 0x7FFFFFFFu, 0xFFFFFFFFu})
    for (const char op : {'X', 'T'}) lengths.push_back("\x80\x02" + (op + le(length)));
  lengths.push_back("\x80\x02\x8a\xff");
  lengths.push_back("\x80\x02U\xff");
  lengths.push_back("\x80\x02Kc");
  Files length_files;
  for (const std::string& p : lengths) length_files.push_back(zip(torch_parts(p, {floats})));
  rules.push_back({"PickleEndsEarly", "the pickle ends inside", length_files});
  rules.push_back({"EndlessName", "a name without an end",
                   with_pickles({program("c" + std::string(300, 'x')),
                                 program("cx\n" + std::string(3000, 'x') + "\n")})});
  rules.push_back({"LongInteger", "an integer of",
                   with_pickles({program("\x8a\x09" + std::string(9, '\1')),
                                 program("\x8a\xff" + std::string(255, '\1'))})});
  rules.push_back(
      {"AnotherProtocol", "protocol 2",
       with_pickles({"\x80\x03N.", std::string("\x80\0N.", 4), "\x80\x04N.", "N.", "(lp0\n."})});
  // One byte each, that makes a value each.
  Files greedy;
  for (const char* op : {"}", "]", ")", "N", "(", "K1", "}(", "U\1x"})
    for (const size_t size : {500000u, 3000000u}) {
      std::string ops;
      while (ops.size() < size) ops += op;
      greedy.push_back("\x80\x02" + ops + ".");
    }
  std::string appended = "]";
  for (int i = 0; i < 700000; ++i) appended += "Na";
  greedy.push_back(program(appended));
  rules.push_back({"ManySmallValues", "bytes of memory", with_pickles(greedy)});
  return rules;
}

std::vector<Rule> legacy_rules() {
  std::vector<Rule> rules;
  const std::string good = legacy_file(good_pickle(), {{6, floats}});
  rules.push_back({"LegacyCutOff", "cut off", cut_at_every_byte(good, 15)});
  Files versions;
  for (const int64_t v : {0, 1000, 1002, -1})
    versions.push_back(legacy_file(good_pickle(), {{6, floats}}, v));
  rules.push_back({"LegacyProtocol", "protocol version", versions});
  rules.push_back(
      {"LegacyBigEndian", "big-endian", {legacy_file(good_pickle(), {{6, floats}}, 1001, false)}});
  Files sizes;
  for (const int64_t elements : {int64_t{0}, int64_t{5}, int64_t{7}, int64_t{-1}, INT64_MAX})
    sizes.push_back(legacy_file(good_pickle(), {{elements, floats}}));
  rules.push_back({"LegacyStorageSize", "elements, expected", sizes});
  rules.push_back({"LegacyUnusedStorage",
                   "which no tensor uses",
                   {legacy_file(good_pickle(), {{6, floats}, {6, floats}})}});
  rules.push_back({"LegacyNoValues", "no values for storage", {legacy_file(good_pickle(), {})}});
  rules.push_back({"LegacyBytesLeftOver",
                   "bytes after the last storage",
                   {good + "x", good + good, good + std::string(10000, '\0')}});
  return rules;
}

std::vector<Rule> safetensors_rules() {
  std::vector<Rule> rules;
  const std::string ours = our_file();
  const uint64_t header_end = 8 + static_cast<uint64_t>(static_cast<unsigned char>(ours[0])) +
                              256 * static_cast<uint64_t>(static_cast<unsigned char>(ours[1]));
  rules.push_back(
      {"SafetensorsHeaderCutOff", "cut off", cut_at_every_byte(ours.substr(0, header_end), 9)});
  rules.push_back(
      {"SafetensorsValuesCutOff", "bytes of data", cut_at_every_byte(ours, header_end)});
  Files flipped;
  for (size_t at = header_end; at < ours.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string bytes = ours;
      bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
      flipped.push_back(bytes);
    }
  rules.push_back({"SafetensorsValuesDamaged", "do not fit their checksum", flipped});
  Files lengths;
  for (int power = 23; power < 64; ++power)
    lengths.push_back(le(uint64_t{1} << power) + "{\"w\":" + std::string(100, ' '));
  rules.push_back({"SafetensorsHeaderLength", "header of", lengths});
  Files gaps, overlaps, outside, sizes;
  const auto two = [](const std::string& a, const std::string& b) {
    return "{\"a\":" + entry("F16", "[4]", a) + ",\"b\":" + entry("F16", "[4]", b) + "}";
  };
  for (int shift = 1; shift < 8; ++shift) {
    const std::string from = std::to_string(8 + shift), to = std::to_string(16 + shift);
    gaps.push_back(safetensors_file(two("[0,8]", "[" + from + "," + to + "]"),
                                    16 + static_cast<size_t>(shift)));
    const std::string inside = std::to_string(8 - shift), end = std::to_string(16 - shift);
    overlaps.push_back(safetensors_file(two("[0,8]", "[" + inside + "," + end + "]"),
                                        16 - static_cast<size_t>(shift)));
    outside.push_back(safetensors_file(two("[0,8]", "[" + from + "," + to + "]"), 16));
    sizes.push_back(safetensors_file(
        "{\"a\":" + entry("BF16", "[" + std::to_string(4 + shift) + "]", "[0,8]") + "}", 8));
  }
  rules.push_back({"SafetensorsGap", "leaves a gap", gaps});
  rules.push_back({"SafetensorsOverlap", "overlaps the one before", overlaps});
  rules.push_back({"SafetensorsOutside", "of 16 bytes of data", outside});
  rules.push_back({"SafetensorsSize", "data of 8 bytes, expected", sizes});
  Files products;
  for (const char* shape : {"[4294967296,4294967296]", "[9223372036854775807,2]",
                            "[3037000500,3037000500]", "[2,2,2,2305843009213693952]"})
    for (const char* type : {"F64", "F32", "F16", "BF16", "I8"})
      if (std::string(type) != "I8" || std::string(shape) != "[3037000500,3037000500]")
        products.push_back(safetensors_file("{\"a\":" + entry(type, shape, "[0,8]") + "}", 8));
  rules.push_back({"SafetensorsSizesWrap", "too many elements", products});
  Files types;
  for (const char* type :
       {"F8_E4M3", "F8_E5M2", "U16", "U32", "U64", "C64", "f16", "BF", "", "F128"})
    types.push_back(safetensors_file("{\"a\":" + entry(type, "[2]", "[0,8]") + "}", 8));
  rules.push_back({"SafetensorsType", "expected F32", types});
  rules.push_back({"SafetensorsTwice",
                   "appears twice",
                   {safetensors_file("{\"a\":" + entry("U8", "[0]", "[0,0]") +
                                         ",\"a\":" + entry("U8", "[0]", "[0,0]") + "}",
                                     0)}});
  rules.push_back(
      {"NoWeightFile",
       "neither a safetensors file",
       {"", "x", "PK", "PK\3", "\x80\x02}.", "<!DOCTYPE html>\n<html>", "\x89HDF\r\n\x1a\n",
        "version https://git-lfs.github.com/spec/v1\n", std::string(600, '\0'),
        std::string(257, 'a') + "ustar" + std::string(300, '\0')}});
  return rules;
}

std::vector<Rule> all_rules() {
  std::vector<Rule> rules;
  for (const auto& some : {zip_rules(), pickle_rules(), legacy_rules(), safetensors_rules()})
    rules.insert(rules.end(), some.begin(), some.end());
  return rules;
}

/// Opens the file and reads all that is in it.
std::string error_of(const std::filesystem::path& path) {
  try {
    const auto file = open_weights(path);
    for (size_t i = 0; i < file->entries().size(); ++i) file->read(i);
  } catch (const CheckpointError& e) {
    return e.what();
  }
  return "no error";
}

void expect_refused(const std::vector<Rule>& rules) {
  const testing::ScratchFolder folder;
  const auto path = folder / "bad";
  for (const Rule& rule : rules) {
    EXPECT_FALSE(rule.files.empty()) << rule.name;
    for (size_t i = 0; i < rule.files.size(); ++i) {
      SCOPED_TRACE(str(rule.name, ", file ", i));
      testing::put_file(path, rule.files[i]);
      const int64_t before = testing::heap_in_use() + memory_stats().in_use;
      testing::reset_heap_peak();
      reset_peak_memory();
      const std::string error = error_of(path);
      const int64_t peak = testing::heap_peak() + memory_stats().peak_in_use - before;
      EXPECT_LE(peak, static_cast<int64_t>(rule.files[i].size()) + (16 << 20));
      EXPECT_THAT(error, HasSubstr(path.string() + ": "));
      EXPECT_THAT(error, HasSubstr(rule.message));
      EXPECT_LT(error.size(), 1000u);
      for (const char c : error) EXPECT_GE(static_cast<unsigned char>(c), ' ') << error;
    }
  }
}

TEST(MalformedWeights, ZipArchives) { expect_refused(zip_rules()); }
TEST(MalformedWeights, Pickles) { expect_refused(pickle_rules()); }
TEST(MalformedWeights, LegacyFiles) { expect_refused(legacy_rules()); }
TEST(MalformedWeights, SafetensorsFiles) { expect_refused(safetensors_rules()); }

TEST(MalformedWeights, HasManyFilesInManyRules) {
  std::set<std::string> different;
  const std::vector<Rule> rules = all_rules();
  for (const Rule& rule : rules) different.insert(rule.files.begin(), rule.files.end());
  EXPECT_GE(rules.size(), 25u);
  EXPECT_GE(different.size(), 500u);
  RecordProperty("rules", static_cast<int>(rules.size()));
  RecordProperty("files", static_cast<int>(different.size()));
}

TEST(MalformedWeights, TheFilesThatWereBrokenAreSound) {
  const testing::ScratchFolder folder;
  std::vector<ZipPart> packed = good_parts();
  for (ZipPart& p : packed) p.deflate = true;
  for (const std::string& bytes :
       {zip(good_parts()), zip(packed), legacy_file(good_pickle(), {{6, floats}}), our_file()}) {
    testing::put_file(folder / "a", bytes);
    EXPECT_EQ(error_of(folder / "a"), "no error");
    EXPECT_EQ(open_weights(folder / "a")->entries().at(0).name, "w");
  }
}

/// Bytes changed at random: the file is read, or refused; nothing else is thrown.
TEST(MalformedWeights, RandomDamage) {
  const testing::ScratchFolder folder;
  std::mt19937 random(1);  // the same on every machine
  const auto below = [&](size_t n) { return static_cast<size_t>(random()) % n; };
  int refused = 0, files = 0;
  for (const char* name :
       {"legacy_types.pth", "legacy_checkpoint.pth", "legacy_views.pth", "zip_nested.pth",
        "zip64_checkpoint.pth", "deflated_views.pth", "without_crc.pth"}) {
    const std::string good = file_bytes(std::string(PIXELGRAD_FIXTURES) + "/weights/" + name);
    ASSERT_FALSE(good.empty());
    // The pickles and the directory are where damage matters; they are at either end.
    const size_t edge = std::min<size_t>(good.size(), 1500);
    for (int i = 0; i < 300; ++i, ++files) {
      std::string bytes = good;
      for (size_t changes = 1 + below(3); changes > 0; --changes) {
        const size_t at = below(2) ? below(edge) : good.size() - 1 - below(edge);
        bytes[at] = static_cast<char>(below(256));
      }
      if (below(8) == 0) bytes.resize(below(bytes.size()));
      testing::put_file(folder / "a", bytes);
      SCOPED_TRACE(str(name, ", damage ", i));
      EXPECT_NO_THROW(refused += error_of(folder / "a") != "no error");
    }
  }
  EXPECT_GT(refused, files / 2);
  RecordProperty("refused", refused);
}

/// Files of Python 2, and views of storages, as PyTorch before 0.4 wrote them.
TEST(OldTorchFiles, AreRead) {
  const testing::ScratchFolder folder;
  const auto old_text = [](const std::string& s) {
    return 'U' + std::string(1, static_cast<char>(s.size())) + s;
  };
  const std::string view = tuple({old_text("storage"), name("torch", "FloatStorage"), old_text("0"),
                                  old_text("cpu"), "K\6", tuple({old_text("v"), "K\2", "K\4"})}) +
                           'Q';
  const std::string old_tensor =
      name("torch._utils", "_rebuild_tensor") + tuple({view, "K\1", "K\3\x85", "K\1\x85"}) + 'R';
  const std::string pairs =
      name("collections", "OrderedDict") + tuple({list({list({old_text("w"), old_tensor})})}) + 'R';
  testing::put_file(folder / "a", legacy_file(program(pairs), {{6, floats}}));
  const auto file = open_weights(folder / "a");
  ASSERT_EQ(file->entries().size(), 1u);
  EXPECT_EQ(file->read(0).to_doubles(), (std::vector<double>{3.5, 4.5, 5.5}));
}

}  // namespace
}  // namespace pixelgrad
