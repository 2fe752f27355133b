#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace headgate {

// Building blocks of our own binary formats: little-endian fixed widths, LEB128 varints, zigzag for signed numbers,
// length-prefixed bytes. Keys that must sort as numbers are big-endian.

inline std::uint64_t ZigZag(std::int64_t v) {
  return (static_cast<std::uint64_t>(v) << 1) ^ static_cast<std::uint64_t>(v >> 63);
}
inline std::int64_t UnZigZag(std::uint64_t v) {
  return static_cast<std::int64_t>(v >> 1) ^ -static_cast<std::int64_t>(v & 1);
}

inline constexpr std::size_t kVarintBytesMax = 10;
// The number of bytes.
inline std::size_t WriteVarint(char* to, std::uint64_t v) {
  std::size_t n = 0;
  while (v >= 0x80) {
    to[n++] = static_cast<char>(v | 0x80);
    v >>= 7;
  }
  to[n++] = static_cast<char>(v);
  return n;
}
inline void PutVarint(std::string& out, std::uint64_t v) {
  char buffer[kVarintBytesMax];
  out.append(buffer, WriteVarint(buffer, v));
}
inline void PutSigned(std::string& out, std::int64_t v) { PutVarint(out, ZigZag(v)); }
inline void PutBytes(std::string& out, std::string_view bytes) {
  PutVarint(out, bytes.size());
  out.append(bytes);
}

template <class T>
void PutFixed(std::string& out, T v) {  // the platform is little-endian (asserted below)
  char buffer[sizeof(T)];
  std::memcpy(buffer, &v, sizeof(T));
  out.append(buffer, sizeof(T));
}

template <class T>
T LoadBigEndian(const char* p) {
  T v = 0;
  for (std::size_t i = 0; i < sizeof(T); ++i) v = static_cast<T>((v << 8) | static_cast<unsigned char>(p[i]));
  return v;
}
template <class T>
void PutBigEndian(std::string& out, T v) {
  for (std::size_t i = sizeof(T); i-- > 0;) out.push_back(static_cast<char>(v >> (8 * i)));
}

// Reads foreign or stored bytes. A read past the end or an overlong varint sets failed() and yields zeros; callers may
// read a whole structure and ask once.
class ByteReader {
 public:
  explicit ByteReader(std::string_view bytes) : p_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool failed() const { return failed_; }
  bool done() const { return p_ == end_; }
  std::size_t remaining() const { return static_cast<std::size_t>(end_ - p_); }
  const char* position() const { return p_; }

  std::uint8_t Byte() { return Has(1) ? static_cast<std::uint8_t>(*p_++) : 0; }
  std::uint64_t Varint() {
    std::uint64_t v = 0;
    for (int shift = 0; shift < 64; shift += 7) {
      if (!Has(1)) return 0;
      const auto b = static_cast<std::uint8_t>(*p_++);
      v |= static_cast<std::uint64_t>(b & 0x7f) << shift;
      if (b < 0x80) return v;
    }
    failed_ = true;
    return 0;
  }
  std::int64_t Signed() { return UnZigZag(Varint()); }
  std::string_view Take(std::size_t n) {
    if (!Has(n)) return {};
    const std::string_view v(p_, n);
    p_ += n;
    return v;
  }
  std::string_view Bytes() { return Take(static_cast<std::size_t>(Varint())); }
  template <class T>
  T Fixed() {
    T v{};
    if (Has(sizeof(T))) {
      std::memcpy(&v, p_, sizeof(T));
      p_ += sizeof(T);
    }
    return v;
  }
  template <class T>
  T BigEndian() {
    if (!Has(sizeof(T))) return 0;
    const T v = LoadBigEndian<T>(p_);
    p_ += sizeof(T);
    return v;
  }
  void Fail() { failed_ = true; }

 private:
  bool Has(std::size_t n) {
    if (failed_ || static_cast<std::size_t>(end_ - p_) < n) {
      failed_ = true;
      return false;
    }
    return true;
  }

  const char* p_;
  const char* end_;
  bool failed_ = false;
};

static_assert(std::endian::native == std::endian::little, "the stored formats are little-endian");

}  // namespace headgate
