/* The Wayland presenter's C face: shows frames that are in dma-bufs in a window, without a copy
   where the compositor can import them, and reports what the user does there. docs/display.md has
   the life of a frame.

   A presenter runs on a thread of its own. No function waits for the compositor or a GPU but
   destroy(): it waits for the thread, which may be in a callback, in a copy, or opening or closing
   the GPU's node. Functions may be called from any thread; callbacks come
   from the presenter's, and may call any function but destroy(). */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

struct viaduct_presenter;

/* A struct's `size` is that of the caller, which may have been built with an older header: what its
   struct lacks counts as 0, and is not written. */

struct viaduct_presenter_callbacks {
    uint32_t size; /* sizeof(struct viaduct_presenter_callbacks) */
    /* The frame was on the screen, at this time of CLOCK_MONOTONIC (0: not known); so the frames
       before it no longer are. */
    void (*shown)(void* cookie, uint64_t frame, uint64_t time_ns, uint64_t refresh_ns);
    /* It was not: a newer one took its place, or it cannot be shown. */
    void (*dropped)(void* cookie, uint64_t frame);
    /* The frame's buffers are the producer's again; comes once for every frame. */
    void (*released)(void* cookie, uint64_t frame);
    /* The compositor would show a frame at once; a hidden window asks for none. */
    void (*frame_wanted)(void* cookie);
    /* Pictures should have this size in pixels, to have one for each pixel of the screen. */
    void (*resized)(void* cookie, uint32_t width, uint32_t height);
    void (*close_requested)(void* cookie);
    /* The connection is gone, and all frames are released. `why` is a sentence, valid in the call.
     */
    void (*lost)(void* cookie, const char* why);
    /* The frame is the compositor's, which has made use of the one before it. Does not come for
       frames that are dropped before. */
    void (*committed)(void* cookie, uint64_t frame);

    /* Input events, if the options ask for them. Ctrl+Alt+G takes the pointer and the compositor's
       shortcuts, or gives them back; Ctrl+Alt+F switches full screen; so neither is reported. Keys
       and buttons that were reported as pressed are reported as released in any case, and touches
       that have begun as ended or cancelled, before lost() at the latest. */

    /* A key number of QEMU: scan code set 1, with 0x80 for the prefix E0. No repeats come. */
    void (*key)(void* cookie, uint32_t qemu_key, int pressed);
    /* left, middle, right 0 to 2; wheel up, down 3, 4; side, extra 5, 6; wheel left, right 7, 8:
       QEMU's InputButton. */
    void (*button)(void* cookie, uint32_t qemu_button, int pressed);
    /* Of an absolute pointer; in pixels of the picture, whose size comes along. */
    void (*pointer_at)(void* cookie, uint32_t x, uint32_t y, uint32_t width, uint32_t height);
    /* Of a relative one. */
    void (*pointer_by)(void* cookie, int32_t dx, int32_t dy);
    /* kind: begin, update, end, cancel 0 to 3. slot: 0 to 9. */
    void (*touch)(void* cookie, uint32_t kind, uint32_t slot, double x, double y, uint32_t width,
                  uint32_t height);
};

/* Strings are copied; null: the default. */
struct viaduct_presenter_options {
    uint32_t size;       /* sizeof(struct viaduct_presenter_options) */
    int fullscreen;      /* asked for at once */
    int input;           /* report input events */
    int quiet;           /* write nothing to the log if there is no compositor */
    const char* display; /* default: WAYLAND_DISPLAY */
    const char* title;
    const char* app_id; /* the name of the desktop file */
    /* The compositor's GPU may copy frames that the compositor cannot import: with EGL and GBM,
       whose drivers then read, in this process, how a guest has laid out its buffer.
       VIADUCT_GPU_COPIES overrides it. */
    int gpu_copies;
};

struct viaduct_frame_plane {
    int fd; /* borrowed; a dma-buf, or a memfd sealed against shrinking */
    uint32_t offset;
    uint32_t stride;
};

/* All fields but `size` and the descriptors may come from a guest. Damage and crop count from the
   top left of the picture, whichever row of the buffer that is. */
struct viaduct_frame {
    uint32_t size; /* sizeof(struct viaduct_frame) */
    uint32_t width, height;
    uint32_t fourcc;   /* drm_fourcc.h */
    uint64_t modifier; /* drm_fourcc.h; DRM_FORMAT_MOD_INVALID: the kernel has the layout */
    uint32_t num_planes;
    struct viaduct_frame_plane planes[4];
    int acquire_fence; /* borrowed sync file; -1: the buffers' own fences decide */
    int bottom_up;     /* row 0 is the lowest */
    /* Any file of memory, of one plane in rows; it is read, and shown as a copy. */
    int plain_memory;
    /* The part that changed since the frame before; clipped. A width of 0: everything. */
    int32_t damage_x, damage_y, damage_width, damage_height;
    /* The part to be shown. A width of 0: all of it. */
    int32_t crop_x, crop_y, crop_width, crop_height;
};

/* ARGB with premultiplied alpha, rows without gaps; at most 512x512. */
struct viaduct_cursor {
    uint32_t width, height;
    int32_t hot_x, hot_y;
    const uint32_t* pixels;
};

struct viaduct_presenter_counts {
    uint32_t size; /* sizeof(struct viaduct_presenter_counts); the caller sets it */
    uint64_t zero_copy, copied, copied_bytes, superseded, refused, blitted;
};

/* Connects to a compositor. `options` may be null, and so may `callbacks` and its members. Null,
   with errno set, if there is none. */
struct viaduct_presenter* viaduct_presenter_create(
    const struct viaduct_presenter_options* options,
    const struct viaduct_presenter_callbacks* callbacks, void* cookie);
void viaduct_presenter_destroy(struct viaduct_presenter* presenter);

/* Checks the frame and hands it over. 0, or a negative errno if it cannot be shown: -EINVAL (sizes,
   strides, planes), -ENOTSUP (format), -EACCES (not such a buffer), -EMFILE, -ENOTCONN (the
   presenter has ended for want of memory). After lost() frames are dropped and released at once.
   Callbacks name the frame by `number`, which no frame has that is not released yet. */
int viaduct_presenter_present(struct viaduct_presenter* presenter,
                              const struct viaduct_frame* frame, uint64_t number);

void viaduct_presenter_set_title(struct viaduct_presenter* presenter, const char* title);
/* Whether the guest's pointer is absolute, such as a tablet's (the default), or relative: then a
   click into the window takes the pointer. */
void viaduct_presenter_set_absolute(struct viaduct_presenter* presenter, int absolute);
/* The pointer's picture over the window; null: none. Before the first call it is an arrow. 0, or
   -EINVAL: the cursor is larger than 512x512, empty, or has its hot spot outside. */
int viaduct_presenter_set_cursor(struct viaduct_presenter* presenter,
                                 const struct viaduct_cursor* cursor);

void viaduct_presenter_get_counts(struct viaduct_presenter* presenter,
                                  struct viaduct_presenter_counts* counts);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
