#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/pipeline/sink.h"
#include "sinks/kafka/options.h"

namespace re2 {
class RE2;
}

namespace headgate::kafka::sink {

// The topics of changes: by the names of their stream, by columns of their rows, and by an expression over that. For
// one thread.
class TopicRouter {
 public:
  // Of options that were read without errors; they must outlive it.
  explicit TopicRouter(const Options& options);
  ~TopicRouter();

  // Holds until the next call. kRejected if the row lacks a column that the topic needs and there is no topic_default,
  // or if what comes out is no name of a topic.
  Result<std::string_view> TopicOf(const Event& event);

 private:
  Result<std::string> Make(const Event& event);
  // The value as text; nothing if the row does not tell it, or if it is NULL or empty.
  Result<std::optional<std::string>> ValueOf(const Event& event, const std::string& column);

  const Options& options_;
  std::vector<std::string> columns_;  // that the topic has
  std::unique_ptr<re2::RE2> expression_;
  std::map<StreamNo, std::string> by_stream_;  // where no column decides
  std::string topic_;
  std::vector<Value> row_;
};

// The columns that a topic has in ${column.NAME}.
std::vector<std::string> ColumnsOf(std::string_view topic);
// $1 and \1 as the library for expressions has them. What is wrong with both for each other; "" if nothing.
std::string RewriteOf(std::string_view replacement);
std::string WrongWithRoute(std::string_view expression, std::string_view replacement);

}  // namespace headgate::kafka::sink
