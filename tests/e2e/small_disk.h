#pragma once

#include <sys/mount.h>
#include <unistd.h>

#include <fstream>
#include <string>

#include "tests/support/child_process.h"

namespace headgate::test {

// A file system of its own, small enough to fill.
class SmallDisk {
 public:
  explicit SmallDisk(int megabytes = 48) : dir_("headgate-disk-") {
    const std::string options = "size=" + std::to_string(megabytes) + "m,mode=0755";
    mounted_ = ::mount("tmpfs", dir_.path().c_str(), "tmpfs", 0, options.c_str()) == 0;
  }
  ~SmallDisk() {
    if (mounted_) ::umount2(dir_.path().c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }
  const std::string& path() const { return dir_.path(); }

  void Fill() {
    std::ofstream out(Filler(), std::ios::binary);
    const std::string megabyte(1 << 20, 'x');
    while (out.write(megabyte.data(), static_cast<std::streamsize>(megabyte.size())).flush()) {
    }
  }
  void Empty() { ::unlink(Filler().c_str()); }

 private:
  std::string Filler() const { return dir_.path() + "/filler"; }

  TempDir dir_;
  bool mounted_ = false;
};

}  // namespace headgate::test
