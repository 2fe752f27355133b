#pragma once

#include "tools/demo/shop_database.h"

// The shops behind ShopDatabase::Start.
namespace headgate::demo {

Result<std::unique_ptr<ShopDatabase>> StartPostgresShop();
Result<std::unique_ptr<ShopDatabase>> StartMysqlShop(ShopKind kind);

}  // namespace headgate::demo
