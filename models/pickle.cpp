#include "models/pickle.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cstring>
#include <limits>
#include <unordered_map>

namespace pixelgrad {
namespace {

constexpr size_t max_memory = size_t{7} << 20, max_name_bytes = 200, max_dimensions = 8;

struct KnownName {
  std::string_view module, name;
  PickleCallable callable;
};

constexpr KnownName storage(std::string_view name, StoredType type) {
  return {"torch", name, {PickleName::storage_type, type}};
}

constexpr std::array known_names = {
    KnownName{"collections", "OrderedDict", {PickleName::ordered_dict, {}}},
    KnownName{"torch._utils", "_rebuild_tensor", {PickleName::rebuild_tensor, {}}},
    KnownName{"torch._utils", "_rebuild_tensor_v2", {PickleName::rebuild_tensor_v2, {}}},
    KnownName{"torch._utils", "_rebuild_parameter", {PickleName::rebuild_parameter, {}}},
    storage("DoubleStorage", StoredType::f64),
    storage("FloatStorage", StoredType::f32),
    storage("HalfStorage", StoredType::f16),
    storage("BFloat16Storage", StoredType::bf16),
    storage("LongStorage", StoredType::i64),
    storage("IntStorage", StoredType::i32),
    storage("ShortStorage", StoredType::i16),
    storage("CharStorage", StoredType::i8),
    storage("ByteStorage", StoredType::u8),
    storage("BoolStorage", StoredType::boolean),
};

/// The stack machine.
class Machine {
 public:
  Machine(std::string_view text, const InputFile& file, const std::string& what, uint64_t begin)
      : text_(text), file_(file), what_(what), begin_(begin) {}

  Pickle run() {
    if (next<uint8_t>("PROTO") != 0x80 || next<uint8_t>("PROTO") != 2)
      fail("no pickle of protocol 2");
    for (;;) {
      opcode_at_ = at_;
      const uint8_t opcode = next<uint8_t>("an opcode");
      if (opcode == '.') break;
      step(opcode);
    }
    if (stack_.size() != 1 || !marks_.empty())
      fail("ends with ", stack_.size(), " values on the stack, expected 1");
    pickle_.top = stack_.back();
    pickle_.bytes = at_;
    return std::move(pickle_);
  }

 private:
  template <class... Parts>
  [[noreturn]] void fail(const Parts&... parts) const {
    file_.fail(what_, ", byte ", begin_ + opcode_at_, ": ", parts...);
  }

  // The text.

  std::string_view take(size_t bytes, const char* what) {
    if (bytes > text_.size() - at_)
      fail("the pickle ends inside ", what, ": it was cut off, or is longer than ",
           max_pickle_bytes, " bytes");
    const std::string_view piece = text_.substr(at_, bytes);
    at_ += bytes;
    return piece;
  }
  template <class T>
  T next(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof value, what).data(), sizeof value);
    return value;
  }
  std::string_view line() {
    const size_t end = text_.substr(at_, max_name_bytes + 1).find('\n');
    if (end == std::string_view::npos && text_.size() - at_ > max_name_bytes)
      fail("a name without an end, or of more than ", max_name_bytes, " bytes");
    const std::string_view name = take(end, "a name");
    take(1, "a name");
    return name;
  }

  // The values.

  /// Counts memory that the values need, with what the containers reserve.
  void charge(size_t bytes) {
    memory_ += bytes;
    if (memory_ > max_memory) fail("its values need more than ", max_memory, " bytes of memory");
  }
  void push(PickleRef ref) {
    charge(2 * sizeof ref);
    stack_.push_back(ref);
  }
  void push_new(PickleValue value) {
    charge(sizeof value + 8);
    pickle_.values.push_back(std::move(value));
    push(static_cast<PickleRef>(pickle_.values.size() - 1));
  }
  void push_text(std::string_view text) {
    charge(text.size());
    push_new(std::string(text));
  }
  /// Nothing below the last mark may be taken.
  size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleRef pop() {
    if (stack_.size() <= floor()) fail("takes from an empty stack");
    const PickleRef ref = stack_.back();
    stack_.pop_back();
    return ref;
  }
  PickleRef top() const {
    if (stack_.size() <= floor()) fail("looks at an empty stack");
    return stack_.back();
  }
  /// All values since the last mark, which goes too.
  std::vector<PickleRef> pop_to_mark() {
    if (marks_.empty()) fail("no mark on the stack");
    const auto begin = stack_.begin() + static_cast<std::ptrdiff_t>(marks_.back());
    std::vector<PickleRef> items(begin, stack_.end());
    stack_.erase(begin, stack_.end());
    marks_.pop_back();
    charge(items.size() * sizeof(PickleRef));
    return items;
  }
  void push_tuple(size_t size) {
    std::vector<PickleRef> items(size);
    for (size_t i = size; i > 0; --i) items[i - 1] = pop();
    charge(size * sizeof(PickleRef));
    push_new(PickleTuple{std::move(items)});
  }

  /// The value behind `ref`, which must be a T.
  template <class T>
  const T& as(PickleRef ref, const char* what) const {
    const T* value = std::get_if<T>(&pickle_.values[ref]);
    if (!value)
      fail(what, " is ", kind_of(pickle_.values[ref]), ", expected ", kind_of(PickleValue(T{})));
    return *value;
  }
  template <class T>
  T& as_mutable(PickleRef ref, const char* what) {
    return const_cast<T&>(std::as_const(*this).as<T>(ref, what));
  }
  uint64_t size_from(PickleRef ref, const char* what) const {
    const int64_t value = as<int64_t>(ref, what);
    if (value < 0) fail(what, " is ", value);
    return static_cast<uint64_t>(value);
  }

  void append(PickleRef list, const std::vector<PickleRef>& items) {
    charge(2 * items.size() * sizeof(PickleRef));
    auto& to = as_mutable<PickleList>(list, "what is appended to").items;
    to.insert(to.end(), items.begin(), items.end());
  }
  void set_items(PickleRef dict, const std::vector<PickleRef>& items) {
    if (items.size() % 2 != 0) fail("a key without a value");
    charge(2 * items.size() * sizeof(PickleRef));
    auto& to = as_mutable<PickleDict>(dict, "what gets an item").items;
    for (size_t i = 0; i < items.size(); i += 2) to.emplace_back(items[i], items[i + 1]);
  }

  void memoize(uint32_t index) {
    const PickleRef ref = top();
    if (index > memo_.size()) fail("memo ", index, ", expected at most ", memo_.size());
    if (index < memo_.size()) {
      memo_[index] = ref;
      return;
    }
    charge(2 * sizeof ref);
    memo_.push_back(ref);
  }
  void recall(uint32_t index) {
    if (index >= memo_.size()) fail("memo ", index, " of ", memo_.size());
    push(memo_[index]);
  }

  // The names, and what calling them makes.

  void push_name(std::string_view module, std::string_view name) {
    for (const KnownName& known : known_names)
      if (known.module == module && known.name == name) return push_new(known.callable);
    const std::string full = str(module, '.', name);
    if (module == "torch" && name.ends_with("Storage"))
      fail("values of ", quote_name(full), ", which this program does not know");
    fail("names ", quote_name(full),
         ", which is code or an object, not weights; save model.state_dict() alone");
  }

  void call(PickleRef callable, PickleRef arguments) {
    const PickleCallable& f = as<PickleCallable>(callable, "what is called");
    const auto& args = as<PickleTuple>(arguments, "what a call gets").items;
    switch (f.name) {
      case PickleName::ordered_dict:
        return make_dict(args);
      case PickleName::rebuild_tensor:
        if (args.size() != 4) fail("_rebuild_tensor with ", args.size(), " arguments, expected 4");
        return make_tensor(args);
      case PickleName::rebuild_tensor_v2:  // and requires_grad, hooks, in new files metadata
        if (args.size() != 6 && args.size() != 7)
          fail("_rebuild_tensor_v2 with ", args.size(), " arguments, expected 6");
        return make_tensor(args);
      case PickleName::rebuild_parameter:  // of tensor, requires_grad, hooks
        if (args.size() != 3)
          fail("_rebuild_parameter with ", args.size(), " arguments, expected 3");
        as<PickleTensor>(args[0], "a parameter");
        return push(args[0]);
      case PickleName::storage_type:
        fail("calls the type of a storage");
    }
  }

  /// OrderedDict(), or OrderedDict([[key, value], ...]) as Python 2 wrote it.
  void make_dict(const std::vector<PickleRef>& args) {
    if (args.size() > 1) fail("OrderedDict with ", args.size(), " arguments, expected at most 1");
    PickleDict dict;
    if (!args.empty())
      for (const PickleRef pair : as<PickleList>(args[0], "what OrderedDict gets").items) {
        const auto& items = as<PickleList>(pair, "an item of OrderedDict").items;
        if (items.size() != 2) fail("an item of OrderedDict has ", items.size(), " parts");
        charge(4 * sizeof(PickleRef));
        dict.items.emplace_back(items[0], items[1]);
      }
    push_new(std::move(dict));
  }

  void make_tensor(const std::vector<PickleRef>& args) {
    const auto& storage = as<PickleStorage>(args[0], "the storage of a tensor");
    const uint64_t offset = size_from(args[1], "the offset of a tensor");
    const auto& sizes = as<PickleTuple>(args[2], "the shape of a tensor").items;
    const auto& strides = as<PickleTuple>(args[3], "the strides of a tensor").items;
    if (sizes.size() != strides.size())
      fail("a tensor of ", sizes.size(), " dimensions with ", strides.size(), " strides");
    if (sizes.size() > max_dimensions) fail("more than ", max_dimensions, " dimensions");
    TorchTensor t{storage.index, 0, {}, {}};
    uint64_t elements = 1, last = offset;
    bool overflow = false;
    for (size_t d = 0; d < sizes.size(); ++d) {
      const uint64_t size = size_from(sizes[d], "a size of a tensor");
      const uint64_t stride = size_from(strides[d], "a stride of a tensor");
      t.shape.push_back(static_cast<int64_t>(size));
      t.strides.push_back(stride);
      uint64_t reach = 0;
      overflow |= __builtin_mul_overflow(elements, size, &elements);
      overflow |= size > 0 && __builtin_mul_overflow(size - 1, stride, &reach);
      overflow |= __builtin_add_overflow(last, reach, &last);
    }
    if (overflow || elements > std::numeric_limits<int64_t>::max() / 8)
      fail("a tensor of shape ", t.shape, " has too many elements");
    if (offset > storage.elements || (elements > 0 && last >= storage.elements))
      fail("a tensor of shape ", t.shape, " reaches element ", last, " of a storage of ",
           storage.elements);
    t.offset = storage.first + offset;
    charge(2 * sizeof t + 32 * sizes.size());
    pickle_.tensors.push_back(std::move(t));
    push_new(PickleTensor{pickle_.tensors.size() - 1});
  }

  /// ("storage", torch.FloatStorage, key, location, elements), and in old files None or
  /// (key, first, elements) of a view.
  void make_storage(PickleRef id) {
    const auto& parts = as<PickleTuple>(id, "a persistent id").items;
    if (parts.size() != 5 && parts.size() != 6)
      fail("a persistent id of ", parts.size(), " parts, expected 5");
    if (as<std::string>(parts[0], "the kind of a persistent id") != "storage")
      fail("a persistent id of kind ",
           quote_name(as<std::string>(parts[0], "the kind of a persistent id")),
           ", expected \"storage\"");
    const auto& type = as<PickleCallable>(parts[1], "the type of a storage");
    if (type.name != PickleName::storage_type) fail("the type of a storage is a function");
    TorchStorage s{type.type, as<std::string>(parts[2], "the key of a storage"),
                   size_from(parts[4], "the size of a storage")};
    if (s.elements > static_cast<uint64_t>(std::numeric_limits<int64_t>::max()) / 8)
      fail("a storage of ", s.elements, " elements");
    PickleStorage view{0, 0, s.elements};
    if (parts.size() == 6 && !std::holds_alternative<std::monostate>(pickle_.values[parts[5]])) {
      const auto& of = as<PickleTuple>(parts[5], "the view of a storage").items;
      if (of.size() != 3) fail("the view of a storage has ", of.size(), " parts, expected 3");
      view.first = size_from(of[1], "the first element of a view");
      view.elements = size_from(of[2], "the size of a view");
      if (view.first > s.elements || view.elements > s.elements - view.first)
        fail("a view of ", view.elements, " elements from ", view.first, " of a storage of ",
             s.elements);
    }
    const auto [known, is_new] = storages_.try_emplace(s.key, pickle_.storages.size());
    view.index = known->second;
    if (is_new) {
      charge(2 * sizeof s + 64 + 2 * s.key.size());
      pickle_.storages.push_back(std::move(s));
    } else {
      const TorchStorage& first = pickle_.storages[view.index];
      if (first.type != s.type || first.elements != s.elements)
        fail("storage ", quote_name(s.key), " of ", s.elements, " ", name_of(s.type),
             ", before of ", first.elements, " ", name_of(first.type));
    }
    push_new(view);
  }

  void step(uint8_t opcode) {
    switch (opcode) {
      case '(':  // MARK
        charge(2 * sizeof(size_t));
        marks_.push_back(stack_.size());
        return;
      case 'N':  // NONE
        return push_new({});
      case 0x88:  // NEWTRUE
        return push_new(true);
      case 0x89:  // NEWFALSE
        return push_new(false);
      case 'K':  // BININT1
        return push_new(int64_t{next<uint8_t>("an integer")});
      case 'M':  // BININT2
        return push_new(int64_t{next<uint16_t>("an integer")});
      case 'J':  // BININT
        return push_new(int64_t{next<int32_t>("an integer")});
      case 0x8A: {  // LONG1: two's complement of as many bytes as it says
        const std::string_view bytes = take(next<uint8_t>("an integer"), "an integer");
        if (bytes.size() > 8) fail("an integer of ", bytes.size(), " bytes, expected at most 8");
        int64_t value = !bytes.empty() && (bytes.back() & 0x80) ? -1 : 0;
        std::memcpy(&value, bytes.data(), bytes.size());
        return push_new(value);
      }
      case 'G':  // BINFLOAT: the only big-endian one
        return push_new(std::bit_cast<double>(__builtin_bswap64(next<uint64_t>("a number"))));
      case 'X':  // BINUNICODE
        return push_text(take(next<uint32_t>("a text"), "a text"));
      case 'U':  // SHORT_BINSTRING and BINSTRING: texts of Python 2
        return push_text(take(next<uint8_t>("a text"), "a text"));
      case 'T':
        return push_text(take(next<uint32_t>("a text"), "a text"));
      case ')':  // EMPTY_TUPLE
        return push_new(PickleTuple{});
      case 't':  // TUPLE
        return push_new(PickleTuple{pop_to_mark()});
      case 0x85:  // TUPLE1 to TUPLE3
      case 0x86:
      case 0x87:
        return push_tuple(opcode - 0x84u);
      case ']':  // EMPTY_LIST
        return push_new(PickleList{});
      case 'a': {  // APPEND
        const PickleRef item = pop();
        return append(top(), {item});
      }
      case 'e': {  // APPENDS
        const std::vector<PickleRef> items = pop_to_mark();
        return append(top(), items);
      }
      case '}':  // EMPTY_DICT
        return push_new(PickleDict{});
      case 's': {  // SETITEM
        const PickleRef value = pop(), key = pop();
        return set_items(top(), {key, value});
      }
      case 'u': {  // SETITEMS
        const std::vector<PickleRef> items = pop_to_mark();
        return set_items(top(), items);
      }
      case 'q':  // BINPUT
        return memoize(next<uint8_t>("a memo"));
      case 'r':  // LONG_BINPUT
        return memoize(next<uint32_t>("a memo"));
      case 'h':  // BINGET
        return recall(next<uint8_t>("a memo"));
      case 'j':  // LONG_BINGET
        return recall(next<uint32_t>("a memo"));
      case 'c': {  // GLOBAL
        const std::string_view module = line(), name = line();
        return push_name(module, name);
      }
      case 'Q':  // BINPERSID
        return make_storage(pop());
      case 'R': {  // REDUCE
        const PickleRef arguments = pop(), callable = pop();
        return call(callable, arguments);
      }
      case 'b': {  // BUILD: the attribute _metadata of a state_dict, which says nothing of interest
        const PickleRef attributes = pop();
        as<PickleDict>(top(), "an object with attributes");
        as<PickleDict>(attributes, "the attributes of an object");
        return;
      }
      default:
        fail("opcode ", static_cast<int>(opcode), ", which torch.save does not use for weights");
    }
  }

  std::string_view text_;
  const InputFile& file_;
  const std::string& what_;
  uint64_t begin_;
  size_t at_ = 0, opcode_at_ = 0;

  Pickle pickle_;
  std::vector<PickleRef> stack_, memo_;
  std::vector<size_t> marks_;  // sizes of the stack
  std::unordered_map<std::string, size_t> storages_;
  size_t memory_ = 0;
};

}  // namespace

Pickle run_pickle(std::string_view text, const InputFile& file, const std::string& what,
                  uint64_t begin) {
  return Machine(text.substr(0, max_pickle_bytes), file, what, begin).run();
}

std::string_view kind_of(const PickleValue& value) {
  constexpr std::array<std::string_view, std::variant_size_v<PickleValue>> kinds = {
      "None",   "a boolean",    "an integer", "a number",  "a text",  "a tuple",
      "a list", "a dictionary", "a function", "a storage", "a tensor"};
  return kinds[value.index()];
}

}  // namespace pixelgrad
