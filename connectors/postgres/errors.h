#pragma once

#include <string>
#include <string_view>

#include "connectors/postgres/options.h"
#include "core/base/result.h"
#include "core/pipeline/source.h"

// What failures of the server and of the connection mean for us, and what to do about them. Pure.
namespace headgate::postgres {

// "127.0.0.1:5432/shop": the object that error texts name.
std::string Place(const Options& options);

// From libpq's text in verbose form ("... FATAL:  28P01: password authentication failed ..."), which carries the
// SQLSTATE whatever the server's language.
Error DescribeConnectFailure(const Options& options, bool replication, std::string_view libpq_text);
// The setting that such a failure asks to change; "host" where nothing points at another one.
std::string_view SettingOf(const Options& options, const Error& connect_failure);
std::string SqlStateOf(std::string_view verbose_text);  // "" if the server did not answer

// Transient, or something a person has to change: by SQLSTATE. "" is a broken connection.
ErrorKind KindOf(std::string_view sqlstate);

// The same for the health checks: `reachable`, `signed_in`, `slot_connected` or `config` (admin API 4.4). For errors of
// this file and of the steps of opening.
Finding FindingOf(const Options& options, const Error& error);

// An error answer to a statement of ours. `tried` says what: "reading table public.orders".
Error DescribeServerError(const Options& options, std::string_view tried, std::string_view sqlstate,
                          std::string_view message);

std::string QuoteIdentifier(std::string_view name);
// In a replication command, which knows no escapes.
std::string QuoteReplicationLiteral(std::string_view text);
std::string QuoteLiteral(std::string_view text);
// "public"."orders"
std::string QuoteTable(std::string_view schema, std::string_view table);

}  // namespace headgate::postgres
