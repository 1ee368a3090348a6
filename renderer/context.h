// One guest context, as the renderer's table knows it.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/ids.h"
#include "base/log.h"
#include "base/quick_mutex.h"
#include "drm-context/native_context.h"

namespace viaduct {

struct Context {
    ContextId id = {};
    uint32_t capset = 0;
    std::string name;                       // fit for a log
    std::unique_ptr<NativeContext> native;  // null: a virgl or Venus context, the classic side's
    QuickMutex queue_mutex;                 // one submission or fence at a time, in call order
    LogLimiter log;
};

}  // namespace viaduct
