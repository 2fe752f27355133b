# Each library has one home in the tree (docs/adr, tools/tidy); a target links it by the name given here.
# Debian packages: see the list in ./dev (setup).
find_package(Threads REQUIRED)
find_package(OpenSSL REQUIRED)
find_package(PostgreSQL REQUIRED)
find_package(Protobuf REQUIRED)
find_package(Boost 1.74 REQUIRED)  # headers only: Asio and Beast
find_package(PkgConfig REQUIRED)
find_package(nlohmann_json REQUIRED)
find_package(yaml-cpp REQUIRED)
find_package(ZLIB REQUIRED)
find_package(simdjson REQUIRED)  # events in requests
find_library(ROCKSDB_LIBRARY rocksdb REQUIRED)
find_library(RE2_LIBRARY re2 REQUIRED)  # regular expressions of clients, in linear time
find_library(PG_QUERY_LIBRARY pg_query REQUIRED)  # the grammar of PostgreSQL 15
find_library(LZ4_LIBRARY lz4 REQUIRED)  # blocks of the log
find_path(XXHASH_INCLUDE xxhash.h REQUIRED)
find_library(DEFLATE_LIBRARY deflate REQUIRED)  # checksums of MySQL's events
find_library(ZSTD_LIBRARY zstd REQUIRED)  # compressed transactions of MySQL
find_library(MYSQLCPPCONN_LIBRARY mysqlcppconn REQUIRED)
find_path(MYSQLCPPCONN_INCLUDE cppconn/driver.h REQUIRED)
pkg_check_modules(MARIADB REQUIRED IMPORTED_TARGET libmariadb)

# Third-party headers count as system headers: their warnings are not ours.
add_library(hg_rocksdb INTERFACE)
target_link_libraries(hg_rocksdb INTERFACE ${ROCKSDB_LIBRARY})
add_library(hg_mysql_client INTERFACE)  # Connector/C++ for queries, the C client under it for the binary log
target_include_directories(hg_mysql_client SYSTEM INTERFACE ${MYSQLCPPCONN_INCLUDE})
target_link_libraries(hg_mysql_client INTERFACE ${MYSQLCPPCONN_LIBRARY} PkgConfig::MARIADB OpenSSL::SSL)
add_library(hg_asio INTERFACE)
target_link_libraries(hg_asio INTERFACE Boost::headers OpenSSL::SSL Threads::Threads)
target_compile_definitions(hg_asio INTERFACE BOOST_ASIO_NO_DEPRECATED BOOST_ASIO_DISABLE_BOOST_DATE_TIME BOOST_BEAST_USE_STD_STRING_VIEW)
include(${CMAKE_CURRENT_LIST_DIR}/rdkafka.cmake)  # hg_rdkafka
