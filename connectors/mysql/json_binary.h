#pragma once

#include <cstdint>
#include <string>
#include <string_view>

// MySQL's JSON as it lies in rows (MySQL source documentation, json_binary.h). Pure; no offset in it is trusted.
namespace headgate::mysql {

// A value inside a document: its type and where its bytes begin; scalars of up to four bytes may lie in the entry.
struct JsonValue {
  std::uint8_t type = 0;
  std::string_view bytes;  // of the value to the end of the innermost object or array that holds it
};

enum JsonType : std::uint8_t {
  kJsonSmallObject = 0,
  kJsonLargeObject = 1,
  kJsonSmallArray = 2,
  kJsonLargeArray = 3,
  kJsonLiteral = 4,
  kJsonInt16 = 5,
  kJsonUint16 = 6,
  kJsonInt32 = 7,
  kJsonUint32 = 8,
  kJsonInt64 = 9,
  kJsonUint64 = 10,
  kJsonDouble = 11,
  kJsonString = 12,
  kJsonOpaque = 15,
};
inline constexpr int kJsonDepthMax = 128;  // the servers stop at 100

constexpr bool IsJsonObject(std::uint8_t type) { return type <= kJsonLargeObject; }
constexpr bool IsJsonArray(std::uint8_t type) { return type == kJsonSmallArray || type == kJsonLargeArray; }

// Members of an object, elements of an array. False in good() if the bytes make no sense.
class JsonContainer {
 public:
  explicit JsonContainer(const JsonValue& value);
  bool good() const { return good_; }
  std::size_t size() const { return count_; }
  // Sets good() to false if the entry does not lie in the document.
  std::string_view Key(std::size_t i);
  JsonValue At(std::size_t i);

 private:
  std::uint32_t Number(std::size_t at) const;

  std::string_view bytes_;
  std::size_t width_ = 2;  // of counts and offsets
  bool object_ = false;
  bool good_ = true;
  std::size_t count_ = 0;
};

// The log keeps the server's text, without white space outside of strings. Two kinds of scalar are more than that text
// tells: a DECIMAL looks like a double, an instant like a string. Where it matters to upstream's rendering of a
// document (change-events contract, DM40 to DM42) a second, marked text is kept with it: a DECIMAL has an `m` behind
// it, the fraction of an instant has no zeros at its end.
enum class JsonForm : std::uint8_t { kServer, kMarked };
// Appends the whole document; an empty one is the literal null. False if its bytes make no sense. Sets `marks` if the
// marked text differs in more than marks that nobody needs.
bool AppendJsonDocument(std::string& out, std::string_view document, JsonForm form, bool& marks);
// A part of one.
bool AppendJsonValue(std::string& out, const JsonValue& value, JsonForm form, bool& marks);

// A string, in quotes, with the server's escapes.
void AppendJsonText(std::string& out, std::string_view text);

}  // namespace headgate::mysql
