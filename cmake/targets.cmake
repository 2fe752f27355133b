# hg_library(name SOURCES ... DEPS ... [JSON])       a static library hg_<name>
# hg_test(name LABELS ... SOURCES ... DEPS ... [JSON]) a GoogleTest binary whose cases become CTest tests with these labels
# hg_test_library(name SOURCES ... DEPS ... [JSON])  a static library hg_<name> for tests, compiled as they are
#
# All use a precompiled header: the standard library's, in tests with GoogleTest's; with JSON also nlohmann/json.hpp. That is for
# targets most of whose files include it: it costs the others half a second each.

set(HG_STANDARD_HEADERS <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional>
  <span> <stop_token> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)
# What tests the program needs no optimisation of its own: a third of the compile time.
set(HG_TEST_OPTIONS $<$<CONFIG:Dev>:-O0>)

# hg_precompiled(name HEADERS ... DEPS ... [OPTIONS ...])  the precompiled header that others take with REUSE_FROM
file(CONFIGURE OUTPUT ${CMAKE_BINARY_DIR}/pch.cc CONTENT "// Owns a precompiled header.\n")
function(hg_precompiled name)
  cmake_parse_arguments(ARG "" "" "HEADERS;DEPS;OPTIONS" ${ARGN})
  add_library(${name} STATIC ${CMAKE_BINARY_DIR}/pch.cc)
  target_link_libraries(${name} PUBLIC ${ARG_DEPS})
  target_compile_options(${name} PRIVATE ${ARG_OPTIONS})
  target_precompile_headers(${name} PRIVATE ${HG_STANDARD_HEADERS} ${ARG_HEADERS})
endfunction()

hg_precompiled(hg_pch)
hg_precompiled(hg_json_pch HEADERS <nlohmann/json.hpp> DEPS nlohmann_json::nlohmann_json)

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

function(hg_test_library name)
  cmake_parse_arguments(ARG "JSON" "" "SOURCES;DEPS" ${ARGN})
  add_library(hg_${name} STATIC ${ARG_SOURCES})
  target_include_directories(hg_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(hg_${name} PUBLIC ${ARG_DEPS} GTest::gtest GTest::gmock)
  hg_compile_as_test(hg_${name} ${ARG_JSON})
endfunction()

function(hg_test name)
  cmake_parse_arguments(ARG "JSON" "TIMEOUT" "LABELS;SOURCES;DEPS" ${ARGN})
  if(NOT ARG_TIMEOUT)
    set(ARG_TIMEOUT 120)
  endif()
  add_executable(${name} ${ARG_SOURCES})
  target_link_libraries(${name} PRIVATE ${ARG_DEPS} hg_gtest)
  hg_compile_as_test(${name} ${ARG_JSON})
  gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 DISCOVERY_MODE PRE_TEST
    PROPERTIES LABELS "${ARG_LABELS}" TIMEOUT ${ARG_TIMEOUT} SKIP_REGULAR_EXPRESSION "\\[  SKIPPED \\]")
endfunction()

function(hg_compile_as_test target json)
  # Unoptimised, a batch costs little beyond its headers.
  set_target_properties(${target} PROPERTIES UNITY_BUILD_BATCH_SIZE 16)
  target_compile_options(${target} PRIVATE ${HG_TEST_OPTIONS})
  if(json)
    target_precompile_headers(${target} REUSE_FROM hg_gtest_json_pch)
  else()
    target_precompile_headers(${target} REUSE_FROM hg_gtest_pch)
  endif()
endfunction()
