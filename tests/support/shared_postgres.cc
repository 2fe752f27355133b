#include "tests/support/shared_postgres.h"

#include <libpq-fe.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

namespace headgate::test {
namespace {

// Single quotes around a value of a connection string.
std::string ConninfoQuoted(const std::string& value) {
  std::string out = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') out += '\\';
    out += c;
  }
  return out + "'";
}

}  // namespace

Result<SharedPostgres*> SharedPostgres::Get() {
  static const Result<std::unique_ptr<SharedPostgres>> shared = Make();
  if (!shared.ok()) return shared.error();
  return shared->get();
}

Result<std::unique_ptr<SharedPostgres>> SharedPostgres::Make() {
  std::unique_ptr<SharedPostgres> shared(new SharedPostgres());
  if (const char* dsn = std::getenv("HEADGATE_TEST_POSTGRES"); dsn != nullptr && *dsn != '\0') {
    HG_RETURN_IF_ERROR(shared->UseDsn(dsn));
    return shared;
  }
  HG_ASSIGN_OR_RETURN(shared->server_, PrivatePostgres::Start());
  shared->host_ = shared->server_->host();
  shared->port_ = shared->server_->port();
  shared->user_ = "postgres";
  return shared;
}

Status SharedPostgres::UseDsn(const char* dsn) {
  char* message = nullptr;
  PQconninfoOption* options = PQconninfoParse(dsn, &message);
  if (options == nullptr) {
    PQfreemem(message);
    return Transient("HEADGATE_TEST_POSTGRES is not a connection string of libpq");
  }
  host_ = "127.0.0.1";
  for (const PQconninfoOption* o = options; o->keyword != nullptr; ++o) {
    if (o->val == nullptr) continue;
    const std::string_view keyword = o->keyword;
    if (keyword == "host") host_ = o->val;
    if (keyword == "port") port_ = std::atoi(o->val);
    if (keyword == "user") user_ = o->val;
    if (keyword == "password") password_ = o->val;
  }
  PQconninfoFree(options);
  return Ok();
}

std::string SharedPostgres::Dsn(const std::string& database) const {
  std::string dsn =
      "host=" + ConninfoQuoted(host_) + " port=" + std::to_string(port_) + " dbname=" + ConninfoQuoted(database);
  if (!user_.empty()) dsn += " user=" + ConninfoQuoted(user_);
  if (!password_.empty()) dsn += " password=" + ConninfoQuoted(password_);
  return dsn;
}

Result<std::unique_ptr<TestDatabase>> TestDatabase::Create() {
  static int number = 0;
  HG_ASSIGN_OR_RETURN(SharedPostgres * shared, SharedPostgres::Get());
  const std::string name = "hg_" + std::to_string(getpid()) + "_" + std::to_string(++number);
  HG_ASSIGN_OR_RETURN(auto admin, PgClient::Connect(shared->Dsn("postgres")));
  HG_RETURN_IF_ERROR(
      admin.Exec("CREATE DATABASE " + name + " TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'"));
  HG_ASSIGN_OR_RETURN(auto session, PgClient::Connect(shared->Dsn(name)));
  return std::unique_ptr<TestDatabase>(new TestDatabase(shared, name, std::move(session)));
}

TestDatabase::~TestDatabase() { static_cast<void>(DropDatabase(shared_->Dsn("postgres"), name_)); }

}  // namespace headgate::test
