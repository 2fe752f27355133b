#pragma once

#include <string>
#include <string_view>

#include "connectors/mysql/options.h"
#include "core/base/result.h"

// What failures of the server and of the connection mean for us, and what to do about them. Pure.
namespace headgate::mysql {

// By the server's or the client's error number. `tried` says what: "connecting to db:3306", "reading table
// shop.orders".
Error DescribeError(const Options& options, std::string_view tried, int code, std::string_view text);

}  // namespace headgate::mysql
