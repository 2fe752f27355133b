#pragma once

#include "core/pipeline/source.h"

namespace headgate::mysql {

// Classes `MysqlSource` and `MariadbSource`, aliases `mysql` and `mariadb`: for the registry of sources.
const SourceFactory& MysqlFactory();
const SourceFactory& MariadbFactory();

}  // namespace headgate::mysql
