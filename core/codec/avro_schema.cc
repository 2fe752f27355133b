#include "core/codec/avro_schema.h"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <unordered_map>
#include <unordered_set>

namespace headgate::codec {
namespace {

using AvroJson = nlohmann::json;

constexpr std::size_t kSchemaBytesMax = std::size_t{1} << 20;
constexpr std::size_t kNodesMax = 10'000;
constexpr int kLevelsMax = 64;

constexpr std::array<std::pair<std::string_view, AvroType>, 8> kPrimitives = {{{"null", AvroType::kNull},
                                                                               {"boolean", AvroType::kBoolean},
                                                                               {"int", AvroType::kInt},
                                                                               {"long", AvroType::kLong},
                                                                               {"float", AvroType::kFloat},
                                                                               {"double", AvroType::kDouble},
                                                                               {"bytes", AvroType::kBytes},
                                                                               {"string", AvroType::kString}}};

const AvroType* PrimitiveOf(std::string_view name) {
  const auto* found =
      std::find_if(kPrimitives.begin(), kPrimitives.end(), [&](const auto& p) { return p.first == name; });
  return found == kPrimitives.end() ? nullptr : &found->second;
}

// Of a JSON object; "" if it has no such text.
std::string AvroTextOf(const AvroJson& object, const char* member) {
  const auto found = object.find(member);
  return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

int AvroNumberOf(const AvroJson& object, const char* member, int otherwise) {
  const auto found = object.find(member);
  if (found == object.end()) return otherwise;
  if (!found->is_number_integer()) return -1;
  const auto v = found->get<std::int64_t>();
  return v < 0 || v > 1'000'000'000 ? -1 : static_cast<int>(v);
}

bool IsAvroName(std::string_view name) {
  const auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  return !name.empty() && letter(name[0]) &&
         std::ranges::all_of(name, [&](char c) { return letter(c) || (c >= '0' && c <= '9'); });
}

// Names with dots between them.
bool IsAvroFullName(std::string_view name) {
  for (;;) {
    const std::size_t dot = name.find('.');
    if (!IsAvroName(name.substr(0, dot))) return false;
    if (dot == std::string_view::npos) return true;
    name.remove_prefix(dot + 1);
  }
}

AvroLogical LogicalOf(std::string_view name, const AvroNode& node) {
  using T = AvroType;
  using L = AvroLogical;
  struct Known {
    std::string_view name;
    T type;
    L logical;
  };
  static constexpr Known kKnown[] = {
      {"uuid", T::kString, L::kUuid},
      {"date", T::kInt, L::kDate},
      {"time-millis", T::kInt, L::kTimeMillis},
      {"time-micros", T::kLong, L::kTimeMicros},
      {"timestamp-millis", T::kLong, L::kTimestampMillis},
      {"timestamp-micros", T::kLong, L::kTimestampMicros},
      {"local-timestamp-millis", T::kLong, L::kLocalTimestampMillis},
      {"local-timestamp-micros", T::kLong, L::kLocalTimestampMicros},
  };
  for (const Known& known : kKnown) {
    if (known.name == name && known.type == node.type) return known.logical;
  }
  const bool bytes = node.type == T::kBytes || node.type == T::kFixed;
  if (name == "decimal" && bytes && node.precision > 0 && node.scale >= 0 && node.scale <= node.precision)
    return L::kDecimal;
  if (name == "duration" && node.type == T::kFixed && node.size == 12) return L::kDuration;
  return L::kNone;
}

}  // namespace

std::string_view AvroNode::short_name() const {
  static constexpr std::string_view kNames[] = {"null",   "boolean", "int",  "long",  "float", "double", "bytes",
                                                "string", "record",  "enum", "array", "map",   "union",  "fixed"};
  if (name.empty()) return kNames[static_cast<std::size_t>(type)];
  const std::size_t dot = name.rfind('.');
  return dot == std::string::npos ? std::string_view(name) : std::string_view(name).substr(dot + 1);
}

// One schema or several into one graph.
class AvroSchemaParser {
 public:
  Status Add(std::string_view text) {
    if (text.size() > kSchemaBytesMax) return Refuse("it is longer than 1 MiB");
    const AvroJson json = AvroJson::parse(text, nullptr, false);
    if (json.is_discarded()) {
      // Registries also hand out a bare name: string, or the full name of another schema's type.
      if (PrimitiveOf(text) == nullptr && !types_.contains(std::string(text))) return Refuse("it is no JSON");
      HG_ASSIGN_OR_RETURN(schema_.root_, Named(text, ""));
      return Ok();
    }
    HG_ASSIGN_OR_RETURN(schema_.root_, Node(json, "", 0));
    return Ok();
  }
  AvroSchema Take() { return std::move(schema_); }

 private:
  static Error Refuse(const std::string& why) { return Rejected("an Avro schema cannot be used: " + why); }

  Result<AvroIndex> NewNode(AvroType type) {
    if (schema_.nodes_.size() >= kNodesMax) return Refuse("it has more than 10 000 types");
    schema_.nodes_.emplace_back().type = type;
    return static_cast<AvroIndex>(schema_.nodes_.size() - 1);
  }

  Result<AvroIndex> Named(std::string_view name, const std::string& space) {
    if (const AvroType* primitive = PrimitiveOf(name)) return NewNode(*primitive);
    const bool full = name.find('.') != std::string_view::npos;
    const std::string in_space = full || space.empty() ? std::string(name) : space + "." + std::string(name);
    for (const std::string& candidate : {in_space, std::string(name)}) {
      if (const auto found = types_.find(candidate); found != types_.end()) return found->second;
    }
    return Refuse("it uses the type '" + std::string(name).substr(0, 200) +
                  "', which neither it nor a reference of it defines");
  }

  Result<AvroIndex> Node(const AvroJson& json, const std::string& space, int level) {
    if (level > kLevelsMax) return Refuse("its types are nested more than 64 levels deep");
    if (json.is_string()) return Named(json.get_ref<const std::string&>(), space);
    if (json.is_array()) return Union(json, space, level);
    if (!json.is_object()) return Refuse("a type in it is neither a name, an object nor a list");
    const auto type = json.find("type");
    if (type == json.end()) return Refuse("a type in it is an object without \"type\"");
    if (!type->is_string()) return Node(*type, space, level + 1);
    const std::string& name = type->get_ref<const std::string&>();
    if (name == "record" || name == "error") return Record(json, space, level);
    if (name == "enum") return Enum(json, space);
    if (name == "fixed") return Fixed(json, space);
    if (name == "array") return Container(AvroType::kArray, json, "items", space, level);
    if (name == "map") return Container(AvroType::kMap, json, "values", space, level);
    HG_ASSIGN_OR_RETURN(const AvroIndex index, Named(name, space));
    if (PrimitiveOf(name) != nullptr) Annotate(schema_.nodes_[index], json);
    return index;
  }

  static void Annotate(AvroNode& node, const AvroJson& json) {
    node.precision = AvroNumberOf(json, "precision", 0);
    node.scale = AvroNumberOf(json, "scale", 0);
    node.logical = LogicalOf(AvroTextOf(json, "logicalType"), node);
  }

  Result<AvroIndex> Union(const AvroJson& json, const std::string& space, int level) {
    HG_ASSIGN_OR_RETURN(const AvroIndex index, NewNode(AvroType::kUnion));
    std::vector<AvroIndex> branches;
    std::vector<std::string> names;
    for (const AvroJson& branch : json) {
      HG_ASSIGN_OR_RETURN(const AvroIndex child, Node(branch, space, level + 1));
      const AvroNode& node = schema_.nodes_[child];
      if (node.type == AvroType::kUnion) return Refuse("a union holds a union");
      names.push_back(node.name.empty() ? std::string(node.short_name()) : node.name);
      branches.push_back(child);
    }
    if (branches.empty()) return Refuse("a union has no branches");
    std::ranges::sort(names);
    if (std::ranges::adjacent_find(names) != names.end()) return Refuse("a union has two branches of one type");
    schema_.nodes_[index].children = std::move(branches);
    return index;
  }

  Result<AvroIndex> Container(AvroType type, const AvroJson& json, const char* member, const std::string& space,
                              int level) {
    const auto items = json.find(member);
    if (items == json.end()) return Refuse(std::string("an array or map is without \"") + member + "\"");
    HG_ASSIGN_OR_RETURN(const AvroIndex index, NewNode(type));
    HG_ASSIGN_OR_RETURN(const AvroIndex child, Node(*items, space, level + 1));
    schema_.nodes_[index].children = {child};
    return index;
  }

  // A node whose type has a name of its own. `space` becomes the namespace of what is inside it.
  Result<AvroIndex> Define(AvroType type, const AvroJson& json, std::string& space) {
    std::string name = AvroTextOf(json, "name");
    if (name.find('.') == std::string::npos) {
      if (json.contains("namespace")) space = AvroTextOf(json, "namespace");
      if (!space.empty()) name = space + "." + name;
    } else {
      space = name.substr(0, name.rfind('.'));
    }
    if (!IsAvroFullName(name)) return Refuse("'" + name.substr(0, 200) + "' is no name of a type");
    if (PrimitiveOf(name) != nullptr) return Refuse("'" + name + "' is the name of a primitive type");
    HG_ASSIGN_OR_RETURN(const AvroIndex index, NewNode(type));
    if (!types_.emplace(name, index).second) return Refuse("the type '" + name + "' is defined twice");
    schema_.nodes_[index].name = std::move(name);
    return index;
  }

  Result<AvroIndex> Record(const AvroJson& json, std::string space, int level) {
    HG_ASSIGN_OR_RETURN(const AvroIndex index, Define(AvroType::kRecord, json, space));
    const auto fields = json.find("fields");
    const std::string where = "the record '" + schema_.nodes_[index].name + "' ";
    if (fields == json.end() || !fields->is_array()) return Refuse(where + "has no list of fields");
    std::vector<AvroNode::Field> parsed;
    std::unordered_set<std::string> names;
    for (const AvroJson& field : *fields) {
      if (!field.is_object() || !field.contains("type")) return Refuse(where + "has a field without type");
      std::string name = AvroTextOf(field, "name");
      if (!IsAvroName(name)) return Refuse(where + "has a field whose name is none: '" + name.substr(0, 200) + "'");
      if (!names.insert(name).second) return Refuse(where + "has two fields '" + name + "'");
      HG_ASSIGN_OR_RETURN(const AvroIndex child, Node(field.at("type"), space, level + 1));
      parsed.push_back({std::move(name), child});
    }
    schema_.nodes_[index].fields = std::move(parsed);
    return index;
  }

  Result<AvroIndex> Enum(const AvroJson& json, std::string space) {
    HG_ASSIGN_OR_RETURN(const AvroIndex index, Define(AvroType::kEnum, json, space));
    AvroNode& node = schema_.nodes_[index];
    const auto symbols = json.find("symbols");
    if (symbols == json.end() || !symbols->is_array()) return Refuse("the enum '" + node.name + "' has no symbols");
    for (const AvroJson& symbol : *symbols) {
      if (!symbol.is_string() || !IsAvroName(symbol.get_ref<const std::string&>()))
        return Refuse("the enum '" + node.name + "' has a symbol that is no name");
      node.labels.push_back(symbol.get<std::string>());
    }
    return index;
  }

  Result<AvroIndex> Fixed(const AvroJson& json, std::string space) {
    HG_ASSIGN_OR_RETURN(const AvroIndex index, Define(AvroType::kFixed, json, space));
    AvroNode& node = schema_.nodes_[index];
    const int size = AvroNumberOf(json, "size", -1);
    if (size < 0) return Refuse("the fixed '" + node.name + "' has no size");
    node.size = static_cast<std::uint32_t>(size);
    Annotate(node, json);
    return index;
  }

  AvroSchema schema_;
  std::unordered_map<std::string, AvroIndex> types_;  // by full name
};

Result<AvroSchema> AvroSchema::Parse(std::string_view json, const std::vector<std::string_view>& referenced) {
  AvroSchemaParser parser;
  for (const std::string_view part : referenced) HG_RETURN_IF_ERROR(parser.Add(part));
  HG_RETURN_IF_ERROR(parser.Add(json));
  return parser.Take();
}

}  // namespace headgate::codec
