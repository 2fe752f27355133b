# hg_library(name SOURCES ... DEPS ... [JSON])  a static library hg_<name> on the standard library's precompiled header; JSON: on
#                                               one that has nlohmann/json.hpp too, for folders that are mostly about it
# hg_test(name LABELS ... SOURCES ... DEPS ...) a GoogleTest binary whose cases become CTest tests with these labels

add_library(hg_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_include_directories(hg_pch PUBLIC ${CMAKE_SOURCE_DIR})
set(HG_STANDARD_HEADERS <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional>
  <span> <stop_token> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)
target_precompile_headers(hg_pch PRIVATE ${HG_STANDARD_HEADERS})
add_library(hg_json_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_include_directories(hg_json_pch PUBLIC ${CMAKE_SOURCE_DIR})
target_link_libraries(hg_json_pch PUBLIC nlohmann_json::nlohmann_json)
target_precompile_headers(hg_json_pch PRIVATE ${HG_STANDARD_HEADERS} <nlohmann/json.hpp>)

function(hg_library name)
  cmake_parse_arguments(ARG "JSON" "" "SOURCES;DEPS" ${ARGN})
  add_library(hg_${name} STATIC ${ARG_SOURCES})
  target_include_directories(hg_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(hg_${name} PUBLIC ${ARG_DEPS})
  if(ARG_JSON)
    target_precompile_headers(hg_${name} REUSE_FROM hg_json_pch)
  else()
    target_precompile_headers(hg_${name} REUSE_FROM hg_pch)
  endif()
endfunction()

# What tests the program needs no optimisation of its own: a third of the compile time.
set(HG_TEST_OPTIONS $<$<CONFIG:Dev>:-O0>)

function(hg_test name)
  cmake_parse_arguments(ARG "" "TIMEOUT" "LABELS;SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} hg_gtest)
  target_compile_options(${name} PRIVATE ${HG_TEST_OPTIONS})
  target_precompile_headers(${name} REUSE_FROM hg_gtest_pch)
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()
