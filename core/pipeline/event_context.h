#pragma once

#include "core/codec/event.h"
#include "core/log/log.h"

namespace headgate {

// What a rendering needs to know of a change of the log. Views of the arguments, which must outlive it.
codec::EventContext ContextOf(const Registry& registry, Seq seq, const TransactionInfo& tx, const Change& change);

}  // namespace headgate
