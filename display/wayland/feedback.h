// Feedback: keeps the FormatTable that the compositor sends.
#pragma once

#include <functional>
#include <vector>

#include "display/wayland/format_table.h"
#include "display/wayland/protocol.h"

namespace viaduct::wayland {

/// Collects the events of linux-dmabuf: feedback from version 4 on, single formats before.
class Feedback {
  public:
    /// `changed` is called when a table is complete.
    explicit Feedback(std::function<void()> changed) : changed_(std::move(changed)) {}
    Feedback(const Feedback&) = delete;
    Feedback& operator=(const Feedback&) = delete;

    /// Version 4 and up: of the display as a whole, then of a surface, which replaces it.
    void listen(DmabufFeedback feedback);
    /// Version 3: the compositor sends all formats at once, and no end; the table grows.
    void listen(zwp_linux_dmabuf_v1* dmabuf);

    const FormatTable& table() const { return table_; }
    /// How many complete tables came.
    unsigned tables() const { return tables_; }

  private:
    static const zwp_linux_dmabuf_feedback_v1_listener kListener;
    static const zwp_linux_dmabuf_v1_listener kOldListener;

    void take_rows(int fd, uint32_t size);
    void take_indices(const wl_array& indices);
    void finish();

    std::function<void()> changed_;
    DmabufFeedback feedback_;
    std::vector<FormatPair> rows_;  // of the last format_table event; tranches refer to it
    dev_t main_device_ = 0;
    Tranche tranche_;
    std::vector<Tranche> tranches_;
    FormatTable table_;
    unsigned tables_ = 0;
};

}  // namespace viaduct::wayland
