option(HEADGATE_TESTS "Build the tests" ON)
option(HEADGATE_FAILPOINTS "Compile the kill points in (test builds only)" OFF)
# Most of a file's compile time goes into headers and templates that its neighbours use too. Batches of 8 need less than
# half the time of single files; a change compiles its batch anew, which stays within seconds. Presets for development
# switch it on; the release build takes files by themselves, so that inlining, warnings and includes are checked so too.
option(HEADGATE_UNITY "Compile the sources of a target in batches" OFF)
option(HEADGATE_FUZZ "Build the libFuzzer targets (needs clang)" OFF)
set(HEADGATE_SANITIZE "" CACHE STRING "Comma list for -fsanitize=")

set(CMAKE_UNITY_BUILD ${HEADGATE_UNITY})
set(CMAKE_UNITY_BUILD_BATCH_SIZE 8)

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)

# The flags of the build types Dev and Release stand in CMakePresets.json. They switch off what GCC 12 reports falsely about
# std::string once it optimises (its bugs 105329, 105651 and their kin).
if(NOT CMAKE_BUILD_TYPE)
  set(CMAKE_BUILD_TYPE Dev CACHE STRING "" FORCE)
endif()

add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual -Werror -fno-omit-frame-pointer)
if(HEADGATE_SANITIZE)
  add_compile_options(-fsanitize=${HEADGATE_SANITIZE} -fno-sanitize-recover=all)
  add_link_options(-fsanitize=${HEADGATE_SANITIZE})
  add_compile_definitions(_GLIBCXX_ASSERTIONS)  # an index inside the allocation but outside the view is nothing to a sanitizer
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    # GCC 12 reports false positives from its own headers under the sanitizers.
    add_compile_options(-Wno-maybe-uninitialized -Wno-tsan)
  endif()
endif()
if(HEADGATE_FUZZ)
  # Coverage for libFuzzer in every library of ours; its main comes in where a target links (tests/fuzz).
  add_compile_options(-fsanitize=fuzzer-no-link)
endif()
if(HEADGATE_FAILPOINTS)
  add_compile_definitions(HEADGATE_FAILPOINTS=1)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  # GCC collects its garbage from 128 MB on, several times in every file that is full of templates: an eighth of their time.
  add_compile_options("SHELL:--param ggc-min-heapsize=524288")
  # GCC 12 takes the value of a std::optional that was asked before for uninitialised, once it optimises (its bug 80635).
  add_compile_options($<$<CONFIG:Release>:-Wno-maybe-uninitialized>)
endif()
add_compile_definitions(HEADGATE_VERSION="${PROJECT_VERSION}")

find_program(CCACHE ccache)
if(CCACHE)
  # Without these ccache refuses everything that uses a precompiled header.
  set(CMAKE_CXX_COMPILER_LAUNCHER env
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
    add_compile_options(-fpch-preprocess)
  endif()
endif()
find_program(MOLD mold)
if(MOLD AND NOT HEADGATE_SANITIZE)
  add_link_options(-fuse-ld=mold)
endif()
