#include "tools/slt/script.h"

#include <algorithm>
#include <optional>

namespace headgate::slt {
namespace {

constexpr std::string_view kEngine = "headgate";

std::vector<std::string_view> Words(std::string_view line) {
  std::vector<std::string_view> words;
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t from = line.find_first_not_of(" \t", at);
    if (from == std::string_view::npos) break;
    const std::size_t to = std::min(line.find_first_of(" \t", from), line.size());
    words.push_back(line.substr(from, to - from));
    at = to;
  }
  return words;
}

std::string_view Rest(std::string_view line, std::string_view last_word) {
  const std::size_t at = static_cast<std::size_t>(last_word.data() - line.data()) + last_word.size();
  const std::size_t from = line.find_first_not_of(" \t", at);
  return from == std::string_view::npos ? std::string_view{} : line.substr(from);
}

class Parser {
 public:
  explicit Parser(std::string_view text) {
    for (std::size_t at = 0; at <= text.size();) {
      const std::size_t end = std::min(text.find('\n', at), text.size());
      std::string_view line = text.substr(at, end - at);
      if (line.ends_with('\r')) line.remove_suffix(1);
      lines_.push_back(line);
      at = end + 1;
    }
  }

  Result<std::vector<Record>> Run() {
    std::vector<Record> records;
    bool skip = false;
    while (at_ < lines_.size()) {
      const auto words = Words(lines_[at_]);
      if (words.empty() || words[0].starts_with('#')) {
        ++at_;
        continue;
      }
      const std::string_view word = words[0];
      if (word == "skipif" || word == "onlyif") {
        const bool mine = words.size() > 1 && words[1] == kEngine;
        skip = skip || (word == "skipif") == mine;
        ++at_;
        continue;
      }
      if (word == "hash-threshold" || word == "subtest" || word == "control" || word == "sleep") {
        ++at_;
        continue;
      }
      HG_ASSIGN_OR_RETURN(Record record, Next(words));
      if (record.kind == Record::Kind::kHalt && !skip) break;
      if (!skip) records.push_back(std::move(record));
      skip = false;
    }
    return records;
  }

 private:
  Error Wrong(const std::string& what) const { return ConfigError("line " + std::to_string(at_ + 1) + ": " + what); }

  Result<Record> Next(const std::vector<std::string_view>& words) {
    Record record;
    record.line = at_ + 1;
    const std::string_view line = lines_[at_];
    if (words[0] == "halt") {
      record.kind = Record::Kind::kHalt;
      ++at_;
      return record;
    }
    if (words[0] == "statement") {
      if (words.size() < 2 || (words[1] != "ok" && words[1] != "error" && words[1] != "count"))
        return Wrong("statement ok, statement error [regex] or statement count n");
      record.fails = words[1] == "error";
      if (record.fails) record.pattern = std::string(Rest(line, words[1]));
    } else if (words[0] == "query") {
      record.kind = Record::Kind::kQuery;
      if (words.size() > 1 && words[1] == "error") {
        record.fails = true;
        record.pattern = std::string(Rest(line, words[1]));
      } else {
        HG_RETURN_IF_ERROR(ReadQueryHead(words, record));
      }
    } else {
      return Wrong("\"" + std::string(words[0]) + "\" is no directive; statement, query, halt, skipif and onlyif are");
    }
    ++at_;
    while (at_ < lines_.size() && !lines_[at_].empty() && lines_[at_] != "----") {
      if (!record.sql.empty()) record.sql += '\n';
      record.sql += lines_[at_++];
    }
    if (at_ < lines_.size() && lines_[at_] == "----") {
      ++at_;
      while (at_ < lines_.size() && !lines_[at_].empty()) record.expected.emplace_back(lines_[at_++]);
    }
    return record;
  }

  Status ReadQueryHead(const std::vector<std::string_view>& words, Record& record) const {
    std::size_t next = 1;
    const auto is_sort = [](std::string_view word) {
      return word == "nosort" || word == "rowsort" || word == "valuesort";
    };
    if (words.size() > 1 && !is_sort(words[1])) record.types = std::string(words[next++]);
    for (; next < words.size(); ++next) {
      if (words[next] == "rowsort") {
        record.sort = Record::Sort::kRows;
      } else if (words[next] == "valuesort") {
        record.sort = Record::Sort::kValues;
      } else if (words[next] != "nosort") {
        break;  // a label
      }
    }
    for (const char type : record.types) {
      if (std::string_view("INBTR?").find(type) == std::string_view::npos)
        return Wrong(std::string("column type ") + type + " is not one of I N B T R");
    }
    return Ok();
  }

  std::vector<std::string_view> lines_;
  std::size_t at_ = 0;
};

}  // namespace

Result<std::vector<Record>> ParseScript(std::string_view text) { return Parser(text).Run(); }

}  // namespace headgate::slt
