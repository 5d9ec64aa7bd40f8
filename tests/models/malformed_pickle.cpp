// Pickles of tensors that are not as they must be.
#include "tests/models/malformed_files.h"

namespace pixelgrad::testing::malformed {

using namespace pickled;

namespace {

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

}  // namespace

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

}  // namespace pixelgrad::testing::malformed
