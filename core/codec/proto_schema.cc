#include "core/codec/proto_schema.h"

#include <google/protobuf/compiler/importer.h>
#include <google/protobuf/descriptor.h>
#include <google/protobuf/descriptor.pb.h>
#include <google/protobuf/descriptor_database.h>
#include <google/protobuf/dynamic_message.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>
#include <google/protobuf/stubs/logging.h>

#include <algorithm>
#include <map>

#include "core/base/encoding.h"

namespace headgate::codec {
namespace {

namespace pb = google::protobuf;

constexpr std::size_t kProtoBytesMax = std::size_t{1} << 20;
constexpr const char* kMainFile = "schema.proto";
constexpr std::string_view kWellKnown = "google/protobuf/";

// Blocks, options and lists within one another. The library's parser goes down with them on the stack, without a limit.
// Strings and comments end where its tokenizer ends them; characters that the tokenizer stops at are too deep, too.
bool NestsTooDeep(std::string_view text) {
  constexpr int kLevelsMax = 64;
  int level = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    const std::string_view two = text.substr(i, 2);
    if (static_cast<unsigned char>(c) < 0x20 && (c < '\t' || c > '\r')) return true;
    if (two == "//") {
      i = std::min(text.find('\n', i), text.size());
    } else if (two == "/*") {
      i = std::min(text.find("*/", i + 2), text.size() - 1) + 1;
    } else if (c == '"' || c == '\'') {
      for (++i; i < text.size() && text[i] != c && text[i] != '\n'; ++i) {
        if (text[i] == '\0') return true;
        if (text[i] == '\\' && i + 1 < text.size() && text[i + 1] != '\n') ++i;
      }
    } else if (c == '{' || c == '[' || c == '<') {
      if (++level > kLevelsMax) return true;
    } else if (c == '}' || c == ']' || c == '>') {
      --level;
    }
  }
  return false;
}

}  // namespace

// Files in memory; the well-known ones come out of the library.
class ProtoFiles final : public pb::compiler::SourceTree {
 public:
  void Add(std::string name, std::string text) { files_[std::move(name)] = std::move(text); }

  pb::io::ZeroCopyInputStream* Open(const std::string& name) override {
    auto found = files_.find(name);
    if (name.starts_with(kWellKnown)) {  // never one that only claims to be it
      const pb::FileDescriptor* known = pb::DescriptorPool::generated_pool()->FindFileByName(name);
      if (known != nullptr) found = files_.insert_or_assign(name, known->DebugString()).first;
    }
    if (found == files_.end()) return nullptr;
    return new pb::io::ArrayInputStream(found->second.data(), static_cast<int>(found->second.size()));
  }
  std::string GetLastErrorMessage() override { return "it is neither given nor well-known"; }

 private:
  std::map<std::string, std::string> files_;
};

class FirstFault final : public pb::compiler::MultiFileErrorCollector {
 public:
  void AddError(const std::string& file, int line, int column, const std::string& message) override {
    if (!text.empty()) return;
    text = (file == kMainFile ? std::string("the schema") : "'" + file.substr(0, 200) + "'");
    if (line >= 0) text += ", line " + std::to_string(line + 1) + ", column " + std::to_string(column + 1);
    text += ": " + message.substr(0, 300);
  }
  std::string text;
};

namespace {

bool ClaimsToBeWellKnown(const pb::FileDescriptor& file) {
  if (file.name().starts_with(kWellKnown)) return false;
  if (file.package() == "google.protobuf") return true;
  for (int i = 0; i < file.dependency_count(); ++i) {
    if (ClaimsToBeWellKnown(*file.dependency(i))) return true;
  }
  return false;
}

// Not every source of a descriptor fills them in.
void ForgetJsonNames(pb::DescriptorProto& message) {
  for (pb::FieldDescriptorProto& field : *message.mutable_field()) field.clear_json_name();
  for (pb::DescriptorProto& nested : *message.mutable_nested_type()) ForgetJsonNames(nested);
}

std::string Declared(const pb::Descriptor& message) {
  pb::DescriptorProto proto;
  message.CopyTo(&proto);
  ForgetJsonNames(proto);
  return proto.SerializeAsString();
}

// The well-known file that the given one is a copy of; nullptr if it is none.
const pb::FileDescriptor* WellKnownFile(const pb::FileDescriptor& file) {
  const pb::FileDescriptor* known = nullptr;
  for (int i = 0; file.package() == "google.protobuf" && i < file.message_type_count(); ++i) {
    const pb::Descriptor& message = *file.message_type(i);
    const auto* same = pb::DescriptorPool::generated_pool()->FindMessageTypeByName(message.full_name());
    if (same == nullptr || same->index() != i || Declared(*same) != Declared(message)) return nullptr;
    known = same->file();
  }
  return known;
}

// Messages inside a message, too.
void Collect(const pb::Descriptor* message, std::vector<const pb::Descriptor*>& out) {
  out.push_back(message);
  for (int i = 0; i < message->nested_type_count(); ++i) {
    if (!message->nested_type(i)->options().map_entry()) Collect(message->nested_type(i), out);
  }
}

}  // namespace

struct ProtoSchema::Compiled {
  Compiled() { texts.RecordErrorsTo(&fault); }

  ProtoFiles files;
  FirstFault fault;
  pb::SimpleDescriptorDatabase described;
  pb::compiler::SourceTreeDescriptorDatabase texts{&files};
  pb::MergedDescriptorDatabase all{&described, &texts};
  pb::DescriptorPool pool{&all, texts.GetValidationErrorCollector()};
  const pb::FileDescriptor* file = nullptr;
  bool too_deep = false;
  mutable pb::DynamicMessageFactory factory;  // behind what it uses: gone first

  // Some clients register a serialized FileDescriptorProto in base64, and not every registry turns it into text.
  void Add(const std::string& name, const std::string& text) {
    const auto bytes = FromBase64(text);  // no text of a .proto file is base64
    pb::FileDescriptorProto proto;
    if (!bytes || bytes->empty() || !proto.ParseFromString(*bytes)) {
      too_deep = too_deep || NestsTooDeep(text);
      return files.Add(name, text);
    }
    // Options that are not compiled yet are text again.
    too_deep = too_deep || proto.DebugString().find("uninterpreted_option") != std::string::npos;
    proto.set_name(name);
    if (!name.starts_with(kWellKnown)) described.Add(proto);
  }
};

ProtoSchema::ProtoSchema(std::unique_ptr<Compiled> compiled) : compiled_(std::move(compiled)) {}
ProtoSchema::~ProtoSchema() = default;

Result<std::shared_ptr<const ProtoSchema>> ProtoSchema::Compile(std::string_view text,
                                                                const std::vector<ProtoFile>& imports) {
  auto compiled = std::make_unique<Compiled>();
  std::size_t size = text.size();
  for (const ProtoFile& file : imports) {
    size += file.text.size();
    if (size <= kProtoBytesMax) compiled->Add(file.name, file.text);
  }
  if (size > kProtoBytesMax) return Rejected("a Protobuf schema cannot be used: it is longer than 1 MiB");
  const pb::LogSilencer no_warnings;  // they would go to the standard error
  compiled->Add(kMainFile, std::string(text));
  if (compiled->too_deep) return Rejected("a Protobuf schema cannot be used: it is nested more than 64 levels deep");
  compiled->file = compiled->pool.FindFileByName(kMainFile);
  if (compiled->file == nullptr) return Rejected("a Protobuf schema cannot be used: " + compiled->fault.text);
  // The library treats messages of these names in its own way.
  if (const pb::FileDescriptor* known = WellKnownFile(*compiled->file)) compiled->file = known;
  if (ClaimsToBeWellKnown(*compiled->file))
    return Rejected("a Protobuf schema cannot be used: its package google.protobuf is that of the well-known types");
  return std::shared_ptr<const ProtoSchema>(new ProtoSchema(std::move(compiled)));
}

Result<const pb::Descriptor*> ProtoSchema::Find(std::string_view name) const {
  std::vector<const pb::Descriptor*> all;
  for (int i = 0; i < compiled_->file->message_type_count(); ++i) Collect(compiled_->file->message_type(i), all);
  const pb::Descriptor* found = nullptr;
  for (const pb::Descriptor* message : all) {
    if (message->full_name() == name) return message;
    const bool matches = name.empty() ? message->containing_type() == nullptr : message->name() == name;
    if (!matches) continue;
    if (found != nullptr)
      return ConfigError(name.empty() ? "the Protobuf schema has several messages: set message to the name of one"
                                      : "the Protobuf schema has several messages '" + std::string(name) +
                                            "': set message to the full name of one");
    found = message;
  }
  if (found == nullptr) return ConfigError("the Protobuf schema has no message '" + std::string(name) + "'");
  return found;
}

const pb::Descriptor* ProtoSchema::At(const std::vector<int>& path) const {
  const pb::Descriptor* message = nullptr;
  for (const int index : path) {
    const int count = message == nullptr ? compiled_->file->message_type_count() : message->nested_type_count();
    if (index < 0 || index >= count) return nullptr;
    message = message == nullptr ? compiled_->file->message_type(index) : message->nested_type(index);
  }
  return message;
}

std::vector<int> ProtoSchema::PathOf(const pb::Descriptor& message) {
  std::vector<int> path;
  for (const pb::Descriptor* at = &message; at != nullptr; at = at->containing_type()) path.push_back(at->index());
  std::ranges::reverse(path);
  return path;
}

std::vector<std::string> ProtoSchema::ImportsOf(const std::string& file) const {
  std::vector<std::string> names;
  const pb::FileDescriptor* found = compiled_->pool.FindFileByName(file.empty() ? kMainFile : file);
  for (int i = 0; found != nullptr && i < found->dependency_count(); ++i) {
    if (!found->dependency(i)->name().starts_with(kWellKnown)) names.push_back(found->dependency(i)->name());
  }
  return names;
}

std::unique_ptr<pb::Message> ProtoSchema::New(const pb::Descriptor& message) const {
  return std::unique_ptr<pb::Message>(compiled_->factory.GetPrototype(&message)->New());
}

}  // namespace headgate::codec
