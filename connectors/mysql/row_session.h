#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql/client.h"
#include "connectors/mysql/connection.h"
#include "connectors/mysql/receive_buffer.h"
#include "connectors/mysql/result_row.h"

namespace headgate::mysql {

// A session that reads many rows, over the C client, in the binary protocol of prepared statements, straight from the
// packets (docs/adr/0023). Texts come as they are stored (character_set_results=NULL): the decoder of the stream
// converts them. Used by one thread.
class RowSession {
 public:
  // On stop, what waits for the server ends with kStopped.
  static Result<std::unique_ptr<RowSession>> Open(const Options& options, std::size_t host, std::stop_token stop);

  // As Connection's.
  Result<Rows> Query(const std::string& sql, std::string_view tried);
  Status Execute(const std::string& sql, std::string_view tried);
  // Rows one after the other, without keeping them. `each` gets the columns of the result, and of each the value, NULL
  // as no data pointer; it says whether to go on. Views hold until it returns. If it does not, the session is at its
  // end.
  using EachRow =
      std::function<bool(const std::vector<ResultColumn>& columns, const std::vector<std::string_view>& values)>;
  Status Stream(const std::string& sql, std::string_view tried, const EachRow& each);

  int error_code() const { return error_code_; }  // of the last failure at the server; 0: it did not answer

 private:
  RowSession(const Options& options, Client client, std::stop_token stop);
  Status Send(int command, std::string_view body);
  Result<std::string_view> Peek(std::size_t bytes);
  Result<std::string_view> Packet();
  Result<std::uint32_t> Prepare(const std::string& sql, std::vector<ResultColumn>& columns);
  Status ExecutePrepared(std::uint32_t statement, std::vector<ResultColumn>& columns);
  Status ReadDefinitions(std::size_t count, std::vector<ResultColumn>& columns);
  Status ReadRows(const std::vector<ResultColumn>& columns, const EachRow& each);
  Error Failure();
  Error Refused(std::string_view packet);

  const Options options_;
  const Client client_;
  const std::stop_token stop_;
  ReceiveBuffer received_;
  std::size_t taken_ = 0;  // of it, by the packet at hand
  std::string packets_;    // a packet of several
  std::string_view tried_;
  int error_code_ = 0;
};

}  // namespace headgate::mysql
