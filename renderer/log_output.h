// Where log lines go: the VMM's callback, a file, or stderr.
#pragma once

#include "renderer/abi/virglrenderer.h"

namespace viaduct {

/// Connects the log of the whole library to its output, as VIRGL_LOG_LEVEL and VIRGL_LOG_FILE say.
/// Cheap to repeat; only the first call counts.
void configure_log();

/// All lines go to `callback` from now on; null: back to file or stderr. It is called at the end of
/// the library call that logged, or from a thread of the library, maybe several at a time;
/// no lock is held, it may call the library. The data of the callback that was there before is
/// freed once its last call, on whatever thread, has returned; at the process's end, too.
void set_log_callback(virgl_log_callback_type callback, void* user_data,
                      virgl_free_data_callback_type free_data);

/// The old form: printf-style, without a level. Returns the previous one, never null.
virgl_debug_callback_type set_debug_callback(virgl_debug_callback_type callback);

}  // namespace viaduct
