#pragma once

#include <string>
#include <string_view>

#include "core/base/bytes.h"

// DECIMAL as it lies in rows and in JSON: groups of nine digits in four bytes, rests in fewer, the sign in the first
// bit. (MySQL source documentation, decimal2bin.)
namespace headgate::mysql {

// Bytes of a DECIMAL(precision,scale); 0 if there is no such type.
std::size_t DecimalBytes(int precision, int scale);
// Appends "-12.50", with exactly `scale` digits. The reader fails if the bytes end or are none.
void AppendDecimal(std::string& out, ByteReader& in, int precision, int scale);

}  // namespace headgate::mysql
