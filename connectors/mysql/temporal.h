#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "core/base/bytes.h"

// Dates and times of MySQL and MariaDB as they lie in rows of the binary log and in JSON, and as text, into values.
// What no calendar has (0000-00-00, 2015-02-31) stays text, in the layout of the `native` rendering (NM16, NM18, NM20).
namespace headgate::mysql {

// As stored: any field may be what no calendar has.
struct StoredMoment {
  unsigned year = 0;
  unsigned month = 0;
  unsigned day = 0;
  unsigned hour = 0;
  unsigned minute = 0;
  unsigned second = 0;
  unsigned us = 0;
};

// Append one encoded value. `digits`: declared digits of the fraction, of the text form.
void PutMomentAsDate(std::string& out, const StoredMoment& at);
void PutMoment(std::string& out, const StoredMoment& at, int digits);
// TIMESTAMP: an instant, Unix time; zero is the date that is none.
void PutInstant(std::string& out, std::uint32_t seconds, std::uint32_t us, int digits);
void PutInstant(std::string& out, const StoredMoment& utc, int digits);

// Row images. `digits`: fraction digits as the table map has them. The reader fails if the bytes end.
StoredMoment ReadDate(ByteReader& in);
StoredMoment ReadDatetime2(ByteReader& in, int digits);
StoredMoment ReadOldDatetime(ByteReader& in);        // of tables made before 5.6
std::int64_t ReadTime2(ByteReader& in, int digits);  // microseconds, signed
std::int64_t ReadOldTime(ByteReader& in);
std::uint32_t ReadFraction(ByteReader& in, int digits);  // microseconds

// Inside JSON: eight bytes, seconds and microseconds apart.
StoredMoment UnpackMoment(std::int64_t packed);
std::int64_t UnpackTime(std::int64_t packed);  // microseconds, signed

// What the server prints. False if it is anything else.
bool ParseMoment(std::string_view text, StoredMoment& at);  // a date, or a date, a blank and a time
bool ParseTime(std::string_view text, std::int64_t& us);    // -838:59:59.000000

// 2015-01-15, 23:24:25.024000 and both with a blank between, as the server prints them.
void AppendDateText(std::string& out, const StoredMoment& at);
void AppendClockText(std::string& out, unsigned hour, unsigned minute, unsigned second, unsigned us, int digits);
void AppendTimeText(std::string& out, std::int64_t us, int digits);

}  // namespace headgate::mysql
