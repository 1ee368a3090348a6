#include "drm-context/worker/process/worker_process.h"
#include "drm-context/device/fdinfo_file.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstring>

#include "drm-context/transport/control_socket.h"
#include "drm-context/transport/messages.h"

namespace viaduct {

namespace {

// There is no other way out for a line: it goes to the front. Lines beyond what the front keeps up
// with are lost.
void log_to_front(int socket, int notify, LogLevel level) {
    set_log_level(level);
    set_log_sink([=](LogLevel line_level, std::string_view text) {
        transport::Reply line{};
        line.cookie = transport::kLogCookie;
        line.level = static_cast<uint32_t>(line_level);
        std::memcpy(line.message, text.data(), std::min(text.size(), sizeof(line.message) - 1));
        if (transport::send_message(socket, std::as_bytes(std::span(&line, 1)), -1))
            transport::signal_event(notify);
    });
}

}  // namespace

void run_worker_process(WorkerStart start, const jail::Cell& cell, pid_t zygote) {
    // Without our own process namespace a worker must still die with the zygote.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != zygote) ::_exit(1);
    // Threads of the simulated GPU may log until the very end: these copies stay open.
    // The name that ps and top show.
    ::prctl(PR_SET_NAME, fmt::format("vw:{}", start.settings.name).c_str());
    const int front = start.channel.socket.duplicate().release();
    log_to_front(front, start.channel.notify.duplicate().release(), start.settings.log_level);
    run_worker(std::move(start),
               [&](std::unique_ptr<Device> device) -> Result<std::unique_ptr<Device>> {
                   jail::offer_to_the_oom_killer();
                   drop_proc_directory();
                   if (auto status = jail::close(cell, front); !status)
                       return tl::unexpected(status.error());
                   return jail::check_ioctls(std::move(device), cell);
               });
    ::_exit(0);
}

}  // namespace viaduct
