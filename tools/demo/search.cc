#include "tools/demo/search.h"

#include <chrono>
#include <cstdio>
#include <map>
#include <nlohmann/json.hpp>

#include "tests/support/headgate_process.h"
#include "tests/support/pg_client.h"
#include "tests/support/private_search.h"
#include "tools/demo/generator.h"
#include "tools/demo/shop_database.h"
#include "tools/demo/terminal.h"

namespace headgate::demo {
namespace {

using nlohmann::json;
using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr auto kShowEvery = seconds(3);
constexpr auto kIndexCatchUp = seconds(30);

// The document is the view's row. PostgreSQL is asked the same at the end, where the tables have other names.
std::string DocumentSql(const std::string& before_tables) {
  return "SELECT o.id, o.total, c.name AS customer, c.country, i.items\n"
         "FROM " +
         before_tables +
         "orders o\n"
         "JOIN " +
         before_tables +
         "customers c ON c.id = o.customer_id\n"
         "JOIN (SELECT order_id, jsonb_agg(jsonb_build_object('product', product_id, 'quantity', quantity) ORDER BY "
         "line) AS "
         "items\n"
         "      FROM " +
         before_tables + "order_items GROUP BY order_id) i ON i.order_id = o.id";
}

// Documents by id, without what the two sides write differently.
using Documents = std::map<std::string, json>;

class SearchDemo {
 public:
  SearchDemo(std::string headgate, int run_seconds, int rate)
      : binary_(std::move(headgate)), run_seconds_(run_seconds), rate_(rate) {}

  int Run() {
    const Status started = Start();
    if (!started.ok()) return Fail(started.error().what);
    const int code = Loop();
    generator_->Stop();
    headgate_->Terminate();
    return code;
  }

 private:
  Status Start() {
    Say("starting a private PostgreSQL and a private OpenSearch ...");
    HG_ASSIGN_OR_RETURN(shop_, ShopDatabase::Start(ShopKind::kPostgres));
    HG_ASSIGN_OR_RETURN(search_, test::PrivateSearch::Start());
    headgate_ = std::make_unique<test::HeadgateProcess>(test::HeadgateOptions{
        .binary = binary_,
        .connectors = {{"shop", shop_->Source()},
                       {"orders-index",
                        {{"connector.class", "search"}, {"topics", "shop.public.orders"}, {"url", search_->url()}}}}});
    HG_RETURN_IF_ERROR(headgate_->Start());
    HG_RETURN_IF_ERROR(UntilCaptured());
    const std::string view = "CREATE MATERIALIZED VIEW order_documents AS\n" + DocumentSql("shop.public.");
    Say("one document an order, sent to POST /api/v1/sql:\n\n" + view + ";\n");
    HG_RETURN_IF_ERROR(Define(view +
                              "; CREATE SINK documents FROM order_documents WITH (connector.class = 'search', url = '" +
                              search_->url() + "')"));
    Say("PostgreSQL   " + shop_->how_to_connect());
    Say("OpenSearch   " + search_->url() + "   try: curl -s '" + search_->url() +
        "/order_documents/_search?q=customer:7&pretty'");
    Say("admin API    http://" + headgate_->address() + "   try: curl -s http://" + headgate_->address() +
        "/connectors?expand=status");
    Say(run_seconds_ > 0 ? "running for " + std::to_string(run_seconds_) + " s\n" : "Ctrl-C ends it\n");
    generator_ = std::make_unique<Generator>(*shop_, rate_);
    generator_->Start();
    return Ok();
  }

  Status UntilCaptured() {
    const auto end = steady_clock::now() + seconds(20);
    while (steady_clock::now() < end) {
      const auto answer = headgate_->Call("GET", "/api/v1/streams/shop.public.order_items");
      if (answer.ok() && answer->status == 200) return Ok();
      if (AskedToEnd(milliseconds(50))) return Stopped();
    }
    return Transient("the tables were not captured; the last words of headgate:\n" + headgate_->Stderr());
  }

  Status Define(const std::string& statements) {
    HG_ASSIGN_OR_RETURN(const auto answer,
                        headgate_->Call("POST", "/api/v1/sql", json({{"statements", statements}}).dump()));
    if (answer.status == 200) return Ok();
    return Transient("POST /api/v1/sql answered " + std::to_string(answer.status) + ": " + answer.body);
  }

  int Loop() {
    const auto end = steady_clock::now() + seconds(run_seconds_);
    auto show = steady_clock::now() + kShowEvery;
    while (run_seconds_ == 0 || steady_clock::now() < end) {
      if (AskedToEnd(milliseconds(100))) return run_seconds_ > 0 ? 130 : 0;
      if (!headgate_->running()) return Fail("headgate ended by itself; its last words:\n" + headgate_->Stderr());
      if (steady_clock::now() < show) continue;
      Show();
      show += kShowEvery;
    }
    return Check();
  }

  void Show() {
    const auto orders = Indexed("orders");
    const auto documents = Indexed("order_documents");
    if (!orders.ok() || !documents.ok()) return Say("  the indexes are not there yet");
    std::printf("%8llu changes   %5zu orders   %5zu order_documents",
                static_cast<unsigned long long>(generator_->changes()), orders->size(), documents->size());
    if (!documents->empty()) std::printf("   such as %s", documents->rbegin()->second.dump().substr(0, 110).c_str());
    std::printf("\n");
    std::fflush(stdout);
  }

  // Stops the changes and waits until both indexes equal the database.
  int Check() {
    generator_->Stop();
    if (!generator_->error().empty()) return Fail("the generator stopped: " + generator_->error());
    Say("no more changes; waiting until the indexes equal the database ...");
    std::string differs;
    for (const auto end = steady_clock::now() + kIndexCatchUp; steady_clock::now() < end;) {
      auto compared = Compare();
      if (!compared.ok()) return Fail(compared.error().what);
      differs = *std::move(compared);
      if (differs.empty()) {
        Say("equal: every order, and every order with its customer and its items");
        return 0;
      }
      if (AskedToEnd(milliseconds(300))) return 130;
    }
    return Fail(differs + "\nthe last words of headgate:\n" + headgate_->Stderr());
  }

  Result<std::string> Compare() {
    HG_ASSIGN_OR_RETURN(auto session, test::PgClient::Connect(shop_->how_to_connect()));
    for (const auto& [index, sql] : {std::pair{"orders", std::string("SELECT id, total, note FROM orders")},
                                     std::pair{"order_documents", DocumentSql("")}}) {
      HG_ASSIGN_OR_RETURN(
          const auto rows,
          session.Query("SELECT id::text, json_strip_nulls(row_to_json(r))::text FROM (" + sql + ") r"));
      const auto documents = Indexed(index);
      if (!documents.ok()) return std::string(index) + ": " + documents.error().what;
      Documents wanted;
      for (const auto& row : rows) wanted[row[0].value_or("")] = json::parse(row[1].value_or("{}"));
      if (wanted.size() != documents->size())
        return std::string(index) + " has " + std::to_string(documents->size()) + " documents for " +
               std::to_string(wanted.size()) + " rows";
      for (const auto& [id, row] : wanted) {
        const auto found = documents->find(id);
        if (found == documents->end() || !Has(found->second, row))
          return std::string(index) + " " + id + ": " + (found == documents->end() ? "missing" : found->second.dump()) +
                 " instead of " + row.dump();
      }
    }
    return std::string();
  }

  // An array is wrapped where the field is an object.
  static bool Has(const json& document, const json& row) {
    for (const auto& [name, value] : row.items()) {
      const json have = document.value(name, json());
      if (have != value && !(have.is_object() && have.value("value", json()) == value)) return false;
    }
    return true;
  }

  Result<Documents> Indexed(const std::string& index) {
    HG_RETURN_IF_ERROR(search_->Json("POST", "/" + index + "/_refresh"));
    HG_ASSIGN_OR_RETURN(const json found, search_->Json("GET", "/" + index + "/_search?size=10000"));
    Documents documents;
    for (const json& hit : found["hits"]["hits"]) documents[hit["_id"]] = hit["_source"];
    return documents;
  }

  const std::string binary_;
  const int run_seconds_;
  const int rate_;
  std::unique_ptr<ShopDatabase> shop_;
  std::unique_ptr<test::PrivateSearch> search_;
  std::unique_ptr<test::HeadgateProcess> headgate_;
  std::unique_ptr<Generator> generator_;
};

}  // namespace

int RunSearch(const std::string& headgate, int run_seconds, int changes_per_second) {
  return SearchDemo(headgate, run_seconds, changes_per_second).Run();
}

}  // namespace headgate::demo
