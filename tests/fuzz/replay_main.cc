// Runs a fuzz target without libFuzzer: the kept corpus, then a few thousand mutations of it that are the same in every
// run. An input that ends the process is left in <program>.crash.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

#include "tests/fuzz/input.h"

namespace {

constexpr std::size_t kMutations = 20'000;
constexpr std::size_t kBytesMax = 64 * 1024;

std::string crash_file;  // set before the first run
std::string current;     // the input that runs

void KeepInput(int signal) {
  const int fd = ::open(crash_file.c_str(), O_CREAT | O_TRUNC | O_WRONLY | O_CLOEXEC, 0644);
  const bool kept = fd >= 0 && ::write(fd, current.data(), current.size()) == static_cast<ssize_t>(current.size());
  const char text[] = "the input is in the file <program>.crash\n";
  if (kept && ::write(STDERR_FILENO, text, sizeof text - 1) < 0) ::_exit(2);
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

void Run(std::string input) {
  current = std::move(input);
  // Its own allocation of exactly this size: a sanitizer sees the first byte read behind it.
  const std::vector<std::uint8_t> exact(current.begin(), current.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

std::string ReadFile(const std::filesystem::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

class Mutator {
 public:
  explicit Mutator(const std::vector<std::string>& corpus) : corpus_(corpus) {}

  std::string Next() {
    std::string bytes = corpus_[Below(corpus_.size())];
    for (std::size_t i = 1 + Below(4); i > 0; --i) Change(bytes);
    if (bytes.size() > kBytesMax) bytes.resize(kBytesMax);
    return bytes;
  }

 private:
  std::size_t Below(std::size_t n) { return n == 0 ? 0 : random_() % n; }

  void Change(std::string& bytes) {
    static constexpr unsigned char kEdges[] = {0x00, 0x01, 0x7f, 0x80, 0xff};
    const std::size_t at = Below(bytes.size());
    switch (bytes.empty() ? 6 : Below(8)) {
      case 0:
        bytes[at] = static_cast<char>(bytes[at] ^ (1 << Below(8)));
        break;
      case 1:
        bytes[at] = static_cast<char>(kEdges[Below(std::size(kEdges))]);
        break;
      case 2:
        bytes[at] = static_cast<char>(random_());
        break;
      case 3:
        bytes.resize(at);
        break;
      case 4:
        bytes.erase(at, 1 + Below(8));
        break;
      case 5:  // a part of it twice
        bytes.insert(at, bytes.substr(Below(bytes.size()), 1 + Below(32)));
        break;
      case 6:
        bytes.insert(at, 1 + Below(16), static_cast<char>(random_()));
        break;
      default: {  // begins as one input and goes on as another
        const std::string& other = corpus_[Below(corpus_.size())];
        bytes.replace(at, std::string::npos, other, Below(other.size()), std::string::npos);
        break;
      }
    }
  }

  const std::vector<std::string>& corpus_;
  std::minstd_rand random_{1};  // the same sequence everywhere
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS    runs the inputs of a folder (or one file), then mutations of them\n",
                 argv[0]);
    return 2;
  }
  crash_file = std::string(argv[0]) + ".crash";
  for (const int signal : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(signal, KeepInput);
  std::vector<std::filesystem::path> files;
  if (std::filesystem::is_regular_file(argv[1])) {
    Run(ReadFile(argv[1]));
    return 0;
  }
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(argv[1], error)) files.push_back(entry.path());
  std::ranges::sort(files);
  if (files.empty()) {
    std::fprintf(stderr, "no inputs in %s\n", argv[1]);
    return 2;
  }
  std::vector<std::string> corpus;
  for (const auto& file : files) corpus.push_back(ReadFile(file));
  Run("");
  for (const std::string& input : corpus) Run(input);
  Mutator mutator(corpus);
  for (std::size_t i = 0; i < kMutations; ++i) Run(mutator.Next());
  std::printf("%zu inputs and %zu mutations\n", corpus.size(), kMutations);
  return 0;
}
