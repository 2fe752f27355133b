# hg_library(name SOURCES ... DEPS ... [PCH])  a static library hg_<name>; PCH reuses the standard-library precompiled header
# hg_test(name LABELS ... SOURCES ... DEPS ...) a GoogleTest binary whose cases become CTest tests with these labels

add_library(hg_pch STATIC ${CMAKE_SOURCE_DIR}/cmake/pch.cc)
target_include_directories(hg_pch PUBLIC ${CMAKE_SOURCE_DIR})
target_precompile_headers(hg_pch PRIVATE <algorithm> <array> <atomic> <chrono> <cstdint> <deque> <functional> <map> <memory> <optional>
  <span> <stop_token> <string> <string_view> <thread> <unordered_map> <utility> <variant> <vector>)

function(hg_library name)
  cmake_parse_arguments(ARG "" "" "SOURCES;DEPS" ${ARGN})
  add_library(hg_${name} STATIC ${ARG_SOURCES})
  target_include_directories(hg_${name} PUBLIC ${CMAKE_SOURCE_DIR})
  target_link_libraries(hg_${name} PUBLIC ${ARG_DEPS})
  target_precompile_headers(hg_${name} REUSE_FROM hg_pch)
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
