#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/client.h"
#include "connectors/mysql/connection.h"

namespace headgate::mysql {

// A session that reads many rows, over the C client: Connector/C++ copies every value and takes three times as long
// (docs/adr/0023). Texts come as they are stored (character_set_results=NULL): the decoder of the stream converts them.
// Used by one thread.
class RowSession {
 public:
  static Result<std::unique_ptr<RowSession>> Open(const Options& options, std::size_t host);

  // As Connection's.
  Result<Rows> Query(const std::string& sql, std::string_view tried);
  Status Execute(const std::string& sql, std::string_view tried);
  // Rows one after the other, without keeping them. `each` gets the columns, NULL as no data pointer, and says whether
  // to go on; views hold until it returns. If it does not, the session is at its end.
  using EachRow = std::function<bool(const std::vector<std::string_view>& row)>;
  Status Stream(const std::string& sql, std::string_view tried, const EachRow& each);

  int error_code() const { return error_code_; }  // of the last failure at the server; 0: it did not answer

 private:
  RowSession(const Options& options, Client client) : options_(options), client_(std::move(client)) {}
  Error Failure(std::string_view tried);

  const Options options_;
  const Client client_;
  int error_code_ = 0;
};

}  // namespace headgate::mysql
