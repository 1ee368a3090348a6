#include "display/wayland/feedback.h"

#include <sys/mman.h>

#include <cstring>

#include "base/log.h"
#include "base/unique_fd.h"
#include "blob/mapping.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

namespace {

dev_t device_of(const wl_array& array) {
    dev_t device = 0;
    if (array.size == sizeof(device)) std::memcpy(&device, array.data, sizeof(device));
    return device;
}

}  // namespace

const zwp_linux_dmabuf_feedback_v1_listener Feedback::kListener = {
    .done = [](void* data, zwp_linux_dmabuf_feedback_v1*) { self<Feedback>(data).finish(); },
    .format_table = [](void* data, zwp_linux_dmabuf_feedback_v1*, int32_t fd,
                       uint32_t size) { self<Feedback>(data).take_rows(fd, size); },
    .main_device = [](void* data, zwp_linux_dmabuf_feedback_v1*,
                      wl_array* device) { self<Feedback>(data).main_device_ = device_of(*device); },
    .tranche_done =
        [](void* data, zwp_linux_dmabuf_feedback_v1*) {
            self<Feedback>(data).tranches_.push_back(
                std::exchange(self<Feedback>(data).tranche_, {}));
        },
    .tranche_target_device =
        [](void* data, zwp_linux_dmabuf_feedback_v1*, wl_array* device) {
            self<Feedback>(data).tranche_.device = device_of(*device);
        },
    .tranche_formats = [](void* data, zwp_linux_dmabuf_feedback_v1*,
                          wl_array* indices) { self<Feedback>(data).take_indices(*indices); },
    .tranche_flags =
        [](void* data, zwp_linux_dmabuf_feedback_v1*, uint32_t flags) {
            self<Feedback>(data).tranche_.scanout =
                flags & ZWP_LINUX_DMABUF_FEEDBACK_V1_TRANCHE_FLAGS_SCANOUT;
        },
};

// `format` comes beside `modifier`, without what matters.
const zwp_linux_dmabuf_v1_listener Feedback::kOldListener = {
    .format = [](void*, zwp_linux_dmabuf_v1*, uint32_t) {},
    .modifier =
        [](void* data, zwp_linux_dmabuf_v1*, uint32_t format, uint32_t high, uint32_t low) {
            self<Feedback>(data).tranche_.formats.push_back({format, uint64_t{high} << 32 | low});
            self<Feedback>(data).tranches_ = {self<Feedback>(data).tranche_};
            self<Feedback>(data).table_ = FormatTable(0, self<Feedback>(data).tranches_);
        },
};

void Feedback::listen(DmabufFeedback feedback) {
    feedback_ = std::move(feedback);
    zwp_linux_dmabuf_feedback_v1_add_listener(feedback_.get(), &kListener, this);
}

void Feedback::listen(zwp_linux_dmabuf_v1* dmabuf) {
    zwp_linux_dmabuf_v1_add_listener(dmabuf, &kOldListener, this);
}

// Mapped privately, as the protocol demands, and copied: the compositor keeps the file.
void Feedback::take_rows(int fd, uint32_t size) {
    const UniqueFd file(fd);
    rows_.clear();
    if (size == 0) return;
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.get(), 0);
    if (address == MAP_FAILED) {
        log(LogLevel::kError, "cannot map the compositor's format table of {} bytes: {}", size,
            std::strerror(errno));
        return;
    }
    const Mapping mapping(address, size);
    if (auto rows = read_format_rows(mapping.bytes()))
        rows_ = *std::move(rows);
    else
        log(LogLevel::kError, "the compositor's feedback is invalid: {}", rows.error().message);
}

void Feedback::take_indices(const wl_array& indices) {
    const auto* first = static_cast<const uint16_t*>(indices.data);
    auto picked = pick_rows(rows_, {first, indices.size / sizeof(uint16_t)});
    if (picked)
        tranche_.formats = *std::move(picked);
    else
        log(LogLevel::kError, "the compositor's feedback is invalid: {}", picked.error().message);
}

void Feedback::finish() {
    table_ = FormatTable(main_device_, std::exchange(tranches_, {}));
    ++tables_;
    changed_();
}

}  // namespace viaduct::wayland
