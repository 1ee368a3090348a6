// A VMM with a window, as far as it gets without a compositor.
#include <errno.h>
#include <stdio.h>
#include <viaduct_wayland.h>

int main(void) {
    struct viaduct_presenter_options options = {sizeof(options)};
    options.quiet = 1;
    options.display = "/nowhere";
    if (viaduct_presenter_create(&options, NULL, NULL) || errno != ENOENT) {
        perror("viaduct_presenter_create");
        return 1;
    }
    return 0;
}
